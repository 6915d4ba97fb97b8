"""How much larger than its file the content of a file may be."""

import os

from keras_vit.checkpoints.files.errors import Refused
from keras_vit.common.wording import as_memory, display

# Random weights hardly compress, those of a pruned model to a tenth. Small files may be
# all zeros.
_FREE = 2**28
_TIMES = 20


def check_growth(path, unpacked):
    """Raises if a file claims to unpack to more than weights do.

    Args:
        path: Path of the file.
        unpacked: Integer, the bytes that its content takes by its own account.
    """
    size = os.path.getsize(path)
    if unpacked > _FREE + _TIMES * size:
        raise Refused(
            f"{display(path)} claims to unpack to {as_memory(unpacked)}, and has "
            f"{as_memory(size)}: no weights compress so well. Fetch it again, or save "
            "it anew without compression."
        )
