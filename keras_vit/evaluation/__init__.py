"""Evaluation of models: accuracy and calibration, probes of features, reports."""

from keras_vit.common.lazy import lazy_attributes

__getattr__, __dir__, __all__ = lazy_attributes(
    globals(),
    {
        "evaluation.coco": ["CocoScores", "CocoTally"],
        "evaluation.detection": [
            "DetectedExample",
            "DetectionEvaluation",
            "evaluate_detection",
        ],
        "evaluation.masks": [
            "MaskConfusion",
            "MaskScores",
            "hausdorff_distance",
            "surface_distances",
        ],
        "evaluation.measure": ["Evaluation", "evaluate"],
        "evaluation.metrics": [
            "Calibration",
            "calibration",
            "class_table",
            "confusion_matrix",
            "real_accuracy",
            "top_k_accuracy",
            "wilson_interval",
            "worst_pairs",
        ],
        "evaluation.multilabel.measure": [
            "LabelEvaluation",
            "LabelMistake",
            "evaluate_labels",
        ],
        "evaluation.multilabel.scores": ["average_precision", "roc_auc"],
        "evaluation.probes.features": ["Features", "extract_features"],
        "evaluation.probes.neighbours": ["knn_accuracy", "knn_votes"],
        "evaluation.probes.probing": ["ProbeResult", "probe"],
        "evaluation.probes.ridge": ["LinearProbe", "Ridge"],
        "evaluation.probes.shots": ["FewShotCallback", "fewshot", "fewshot_probe"],
        "evaluation.probes.vtab_runs": ["VTAB_TASKS", "VtabResult", "VtabTask", "vtab"],
        "evaluation.report.detection_page": [
            "plot_precision_recall",
            "write_detection_report",
        ],
        "evaluation.report.multilabel_page": ["write_labels_report"],
        "evaluation.report.page": ["write_report"],
        "evaluation.report.pictures": [
            "plot_confusion",
            "plot_mistakes",
            "plot_reliability",
        ],
        "evaluation.report.segmentation_page": ["write_segmentation_report"],
        "evaluation.run_boxes": ["evaluate_boxes"],
        "evaluation.run_masks": ["evaluate_masks"],
        "evaluation.segmentation": [
            "SegmentationEvaluation",
            "SegmentedExample",
            "evaluate_segmentation",
        ],
        "evaluation.summary": ["Summary", "summarise"],
    },
)
