"""The one place where rooms meet: what the command line and a notebook call.

Everything heavy is imported inside the call that needs it; planning needs neither torch nor ray.
"""

from eomap.api.explaining import explain
from eomap.api.familiar import fit_ood
from eomap.api.jobs import cancel_job, follow_job, job_status, submit
from eomap.api.looking import export, open_cube, query_point, query_zones
from eomap.api.networks import fetch_model, model_card, models
from eomap.api.planning import period_of, plan
from eomap.api.running import Summary, check_engine, run
from eomap.api.scoring import score
from eomap.api.searching import Answers, answers_in_file, answers_of_cube
from eomap.api.training import train
from eomap.api.trust import repair, status, verify
from eomap.api.twinning import build_twin

__all__ = [
    "Answers",
    "Summary",
    "answers_in_file",
    "answers_of_cube",
    "build_twin",
    "cancel_job",
    "check_engine",
    "explain",
    "export",
    "fetch_model",
    "fit_ood",
    "follow_job",
    "job_status",
    "model_card",
    "models",
    "open_cube",
    "period_of",
    "plan",
    "query_point",
    "query_zones",
    "repair",
    "run",
    "score",
    "status",
    "submit",
    "train",
    "verify",
]
