"""What a reader without eyes finds in a page."""

import html.parser


class Reader(html.parser.HTMLParser):
    """Collects text and attributes of a page, and checks that tags close."""

    VOID = {"meta", "img", "br", "path", "use", "rect", "line", "image", "input"}

    def __init__(self, page):
        super().__init__()
        self.open, self.addresses, self.ids, self.text = [], [], [], ""
        # Pairs (tag, attributes), and the levels of headings in their order.
        self.tags, self.headings = [], []
        self.feed(page)
        self.close()
        assert self.open == []

    def handle_starttag(self, tag, attrs):
        attrs = dict(attrs)
        self.tags.append((tag, attrs))
        self.addresses += [
            attrs[k] for k in ("src", "href", "xlink:href") if k in attrs
        ]
        if "id" in attrs:
            self.ids.append(attrs["id"])
        if len(tag) == 2 and tag[0] == "h" and tag[1].isdigit():
            self.headings.append(int(tag[1]))
        if tag not in self.VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag, attrs):
        self.handle_starttag(tag, attrs)
        if tag not in self.VOID:
            self.open.pop()

    def handle_endtag(self, tag):
        if tag not in self.VOID:
            assert self.open.pop() == tag

    def handle_data(self, data):
        self.text += data

    def all(self, tag):
        """The attributes of every element of a kind."""
        return [attrs for name, attrs in self.tags if name == tag]
