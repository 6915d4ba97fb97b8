"""How good models are: whole evaluations, probes of features, benchmarks, reports."""

from keras_vit.common.lazy import lazy_attributes

# Imported at first use: means of numbers need no Keras, and arrays no data sets.
_LAZY = {
    "Calibration": "keras_vit.evaluation.metrics:Calibration",
    "Evaluation": "keras_vit.evaluation.evaluation:Evaluation",
    "Features": "keras_vit.evaluation.probes.features:Features",
    "FewShotCallback": "keras_vit.evaluation.probes.callback:FewShotCallback",
    "LinearProbe": "keras_vit.evaluation.probes.ridge:LinearProbe",
    "ProbeResult": "keras_vit.evaluation.probes.probing:ProbeResult",
    "Ridge": "keras_vit.evaluation.probes.ridge:Ridge",
    "Summary": "keras_vit.evaluation.summary:Summary",
    "VTAB_TASKS": "keras_vit.evaluation.probes.vtab_tasks:VTAB_TASKS",
    "VtabResult": "keras_vit.evaluation.probes.vtab_runs:VtabResult",
    "VtabTask": "keras_vit.evaluation.probes.vtab_tasks:VtabTask",
    "calibration": "keras_vit.evaluation.metrics:calibration",
    "class_table": "keras_vit.evaluation.metrics:class_table",
    "confusion_matrix": "keras_vit.evaluation.metrics:confusion_matrix",
    "evaluate": "keras_vit.evaluation.measure:evaluate",
    "extract_features": "keras_vit.evaluation.probes.features:extract_features",
    "fewshot": "keras_vit.evaluation.probes.shots:fewshot",
    "fewshot_probe": "keras_vit.evaluation.probes.shots:fewshot_probe",
    "knn_accuracy": "keras_vit.evaluation.probes.neighbours:knn_accuracy",
    "knn_votes": "keras_vit.evaluation.probes.neighbours:knn_votes",
    "plot_confusion": "keras_vit.evaluation.report.pictures:plot_confusion",
    "plot_mistakes": "keras_vit.evaluation.report.pictures:plot_mistakes",
    "plot_reliability": "keras_vit.evaluation.report.pictures:plot_reliability",
    "probe": "keras_vit.evaluation.probes.probing:probe",
    "real_accuracy": "keras_vit.evaluation.metrics:real_accuracy",
    "summarise": "keras_vit.evaluation.summary:summarise",
    "top_k_accuracy": "keras_vit.evaluation.metrics:top_k_accuracy",
    "vtab": "keras_vit.evaluation.probes.vtab_runs:vtab",
    "wilson_interval": "keras_vit.evaluation.metrics:wilson_interval",
    "worst_pairs": "keras_vit.evaluation.metrics:worst_pairs",
    "write_report": "keras_vit.evaluation.report.page:write_report",
}
__getattr__, __dir__ = lazy_attributes(globals(), _LAZY)

__all__ = sorted(_LAZY)
