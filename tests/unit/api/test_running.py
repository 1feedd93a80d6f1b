"""What a worker makes for itself on its own machine."""

from eomap.api.running import _network


def test_a_machine_without_the_drivers_files_finds_the_weights_itself(tmp_path):
    elsewhere = tmp_path / "the driver's cache" / "weights.safetensors"
    assert _network("float32", {"eomap-lcz-s": str(elsewhere)}, "eomap-lcz-s", "cpu").name == "eomap-lcz-s"
