"""The paper's studies: grids of runs, with their statistics and a page."""

from keras_vit.common.lazy import lazy_attributes

__getattr__, __dir__, __all__ = lazy_attributes(
    globals(),
    {
        "studies.comparing.proxy": ["cells_read"],
        "studies.differing": ["differences"],
        "studies.folder": ["StudyFolder"],
        "studies.opening": ["data_size", "find_study", "list_studies"],
        "studies.paper_plan": [],
        "studies.planning.cost": ["StudyCost", "study_cost"],
        "studies.reporting.checking": ["Mismatch", "check"],
        "studies.reporting.model_index": ["model_index"],
        "studies.reporting.proxy_page": [
            "ProxyResult",
            "check_proxy",
            "fewshot_proxy",
            "write_proxy",
        ],
        "studies.reporting.results": [],
        "studies.running.job": ["Outcome", "run_study"],
        "studies.reproducing.listing": ["list_choices"],
        "studies.reproducing.running": ["look", "reproduce"],
        "studies.running.single": ["begin_cells", "run_one"],
        "studies.parts": ["Axis", "Cell", "Compare"],
        "studies.study": ["Study"],
    },
)
