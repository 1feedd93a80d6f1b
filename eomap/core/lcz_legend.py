"""The 17 local climate zones in the colours of WUDAPT; codes as in So2Sat (A-G = 11-17)."""

from eomap.core.layer import LegendClass

LEGEND = tuple(
    LegendClass(value, name, color)
    for value, (name, color) in enumerate(
        (
            ("Compact high-rise", "8c0000"),
            ("Compact mid-rise", "d10000"),
            ("Compact low-rise", "ff0000"),
            ("Open high-rise", "bf4d00"),
            ("Open mid-rise", "ff6600"),
            ("Open low-rise", "ff9955"),
            ("Lightweight low-rise", "faee05"),
            ("Large low-rise", "bcbcbc"),
            ("Sparsely built", "ffccaa"),
            ("Heavy industry", "555555"),
            ("Dense trees", "006a00"),
            ("Scattered trees", "00aa00"),
            ("Bush, scrub", "648525"),
            ("Low plants", "b9db79"),
            ("Bare rock or paved", "000000"),
            ("Bare soil or sand", "fbf7ae"),
            ("Water", "6a6aff"),
        ),
        start=1,
    )
)
