"""How good models are: whole evaluations, probes of features, benchmarks, reports."""

from keras_vit._lazy import lazy_attributes

# Imported at first use: means of numbers need no Keras, and arrays no data sets.
_LAZY = {
    "Calibration": "keras_vit.evaluation.metrics:Calibration",
    "Evaluation": "keras_vit.evaluation.results:Evaluation",
    "Features": "keras_vit.evaluation.features:Features",
    "FewShotCallback": "keras_vit.evaluation.callback:FewShotCallback",
    "LinearProbe": "keras_vit.evaluation.ridge:LinearProbe",
    "ProbeResult": "keras_vit.evaluation.probing:ProbeResult",
    "Ridge": "keras_vit.evaluation.ridge:Ridge",
    "Summary": "keras_vit.evaluation.summary:Summary",
    "VTAB_TASKS": "keras_vit.evaluation.vtab_tasks:VTAB_TASKS",
    "VtabResult": "keras_vit.evaluation.vtab_score:VtabResult",
    "VtabTask": "keras_vit.evaluation.vtab_tasks:VtabTask",
    "calibration": "keras_vit.evaluation.metrics:calibration",
    "class_table": "keras_vit.evaluation.metrics:class_table",
    "confusion_matrix": "keras_vit.evaluation.metrics:confusion_matrix",
    "evaluate": "keras_vit.evaluation.measure:evaluate",
    "extract_features": "keras_vit.evaluation.features:extract_features",
    "fewshot": "keras_vit.evaluation.shots:fewshot",
    "fewshot_probe": "keras_vit.evaluation.shots:fewshot_probe",
    "knn_accuracy": "keras_vit.evaluation.neighbours:knn_accuracy",
    "knn_votes": "keras_vit.evaluation.neighbours:knn_votes",
    "plot_confusion": "keras_vit.evaluation.pictures:plot_confusion",
    "plot_mistakes": "keras_vit.evaluation.pictures:plot_mistakes",
    "plot_reliability": "keras_vit.evaluation.pictures:plot_reliability",
    "probe": "keras_vit.evaluation.probing:probe",
    "real_accuracy": "keras_vit.evaluation.metrics:real_accuracy",
    "summarise": "keras_vit.evaluation.summary:summarise",
    "top_k_accuracy": "keras_vit.evaluation.metrics:top_k_accuracy",
    "vtab": "keras_vit.evaluation.vtab_score:vtab",
    "wilson_interval": "keras_vit.evaluation.metrics:wilson_interval",
    "worst_pairs": "keras_vit.evaluation.metrics:worst_pairs",
    "write_report": "keras_vit.evaluation.page:write_report",
}
__getattr__, __dir__ = lazy_attributes(globals(), _LAZY)

__all__ = sorted(_LAZY)
