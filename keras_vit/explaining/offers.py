"""Views that a model offers, and why it does not offer the others."""


class Offers:
    """Collects the reasons of views that a model cannot offer.

    Example:

    >>> offers = Offers()
    >>> offers.take("Position similarity", position_similarity, model)
    >>> offers.reasons()
    []
    """

    def __init__(self):
        self._reasons = {}

    def take(self, title, view, *args, **kwargs):
        """What `view` returns, or `None` where it raises a `ValueError`."""
        try:
            return view(*args, **kwargs)
        except ValueError as error:
            titles = self._reasons.setdefault(str(error), [])
            if title not in titles:
                titles.append(title)
            return None

    def reasons(self):
        """Pairs `(titles, reason)`, each reason once."""
        return [(", ".join(titles), why) for why, titles in self._reasons.items()]
