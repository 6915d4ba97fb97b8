"""BERT's masking: hides tokens of a sequence, and says which must be predicted."""

import numpy as np

from keras_vit.common.checks import check_positive, is_integer, is_number

# Of the tokens that must be predicted: shown as [MASK], and as any token of the
# vocabulary. The rest, a tenth, is shown as it is.
HIDDEN, OTHER = 0.8, 0.1


def corrupt_tokens(
    ids,
    mask_id,
    vocab_size,
    *,
    special_ids=(),
    keep=None,
    corruption_rate=0.15,
    max_predictions=20,
    seed=0,
):
    """Sequences of tokens, ready for masked language modelling.

    The sibling of `corrupt_patches`. Of a sequence of N tokens `round(0.15 N)` must be
    predicted, at least one and at most `max_predictions`: Python's `round`, which
    takes halves to the even number, and N counts special tokens too. Each is shown as
    `[MASK]` (80 %), as any token of the whole vocabulary (10 %), or as it is (10 %),
    by chance and by itself.

    (Hugging Face draws instead for each token by itself whether it must be predicted:
    numbers then differ from sequence to sequence.)

    Args:
        ids: Integer array `(batch, tokens)`, numbers in the vocabulary.
        mask_id: Integer, the number of `[MASK]`.
        vocab_size: Integer, the size of the vocabulary.
        special_ids: Integers, tokens that stay and are not predicted: `[CLS]`, `[SEP]`.
        keep: Boolean array `(batch, tokens)`, true where a token is real and false
            where it is padding. Defaults to true.
        corruption_rate: Float in (0, 1), the share of the tokens.
        max_predictions: Integer, the most of a sequence; `None` for no limit. 20 is
            BERT's for sequences of 128 tokens.
        seed: Integer. Give each batch its own.

    Returns:
        `(shown, ids, weights)`, as `fit` takes them: int32 `(batch, tokens)`, what the
        model sees; int32 `(batch, tokens)`, the tokens that were there; float32
        `(batch, tokens)`, 1 where a token must be predicted, else 0. BERT's loss is
        `sum(weights * loss) / (sum(weights) + 1e-5)`.

    Raises:
        ValueError: if an argument has another form, or is out of its range.

    Example:

    >>> shown, ids, weights = keras_vit.data.corrupt_tokens(
    ...     ids, mask_id=103, vocab_size=30522, special_ids=(101, 102), keep=ids > 0
    ... )

    Reference: [Devlin et al., 2019](https://arxiv.org/abs/1810.04805), section 3.1;
    `bert/create_pretraining_data.py: create_masked_lm_predictions`.
    """
    ids = np.asarray(ids)
    check_positive(vocab_size=vocab_size)
    if ids.ndim != 2 or ids.dtype.kind not in "iu":
        raise ValueError(
            "`ids` must be integers of shape (batch, tokens). Received: an array of "
            f"{ids.dtype}, shape={ids.shape}"
        )
    if ids.size and not 0 <= ids.min() <= ids.max() < vocab_size:
        raise ValueError(
            f"`ids` must be in [0, vocab_size). Received: ids from {ids.min()} to "
            f"{ids.max()}, vocab_size={vocab_size}"
        )
    if not is_integer(mask_id) or not 0 <= mask_id < vocab_size:
        raise ValueError(
            "`mask_id` must be in [0, vocab_size). Received: "
            f"mask_id={mask_id!r}, vocab_size={vocab_size}"
        )
    if not is_number(corruption_rate) or not 0 < corruption_rate < 1:
        raise ValueError(
            "`corruption_rate` must be between 0 and 1. Received: "
            f"corruption_rate={corruption_rate!r}"
        )
    if max_predictions is not None:
        check_positive(max_predictions=max_predictions)
    keep = np.ones(ids.shape, bool) if keep is None else np.asarray(keep).astype(bool)
    if keep.shape != ids.shape:
        raise ValueError(
            "`keep` must have the shape of `ids`. Received: "
            f"keep of shape {keep.shape}, ids of shape {ids.shape}"
        )
    rng = np.random.default_rng(seed)
    candidates = keep & ~np.isin(ids, list(special_ids))
    counts = [
        prediction_count(length, corruption_rate, max_predictions)
        for length in keep.sum(1).tolist()
    ]
    order = np.where(candidates, rng.random(ids.shape), np.inf)
    rank = order.argsort(1).argsort(1)
    chosen = candidates & (rank < np.reshape(counts, (-1, 1)))
    way = rng.random(ids.shape)
    other = rng.integers(vocab_size, size=ids.shape)
    changed = np.where(
        way < HIDDEN, mask_id, np.where(way < HIDDEN + OTHER, other, ids)
    )
    shown = np.where(chosen, changed, ids)
    return shown.astype("int32"), ids.astype("int32"), chosen.astype("float32")


def prediction_count(length, corruption_rate=0.15, max_predictions=20):
    """How many tokens of a sequence of `length` must be predicted."""
    count = max(1, round(length * corruption_rate))
    return count if max_predictions is None else min(max_predictions, count)
