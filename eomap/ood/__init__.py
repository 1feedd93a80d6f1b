"""How familiar a sample is to a network, from its features and logits: scores, calibration, evaluation.

Post hoc: the network is left as it is. A method is fitted on in-distribution samples (`fit`), gives a
frozen detector, and a detector's score is higher the less familiar a sample is. `Familiarity` turns
scores into the layer `ood`. Numpy only, no files.
"""

from eomap.ood.evaluation import detection_figures, risk_figures
from eomap.ood.familiarity import Familiarity
from eomap.ood.held_out import Known, fitted
from eomap.ood.methods import METHODS, Detector, fit, from_arrays, to_arrays
from eomap.ood.samples import Samples

__all__ = [
    "METHODS",
    "Detector",
    "Familiarity",
    "Known",
    "Samples",
    "detection_figures",
    "fit",
    "fitted",
    "from_arrays",
    "risk_figures",
    "to_arrays",
]
