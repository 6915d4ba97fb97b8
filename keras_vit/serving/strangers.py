"""Who may ask: names of the server, and pages of other sites.

A page of any site can make a browser send requests to this machine. Such a page may
reach the server by a name of its own that it leads here (DNS rebinding), which the
header Host shows, or send a form, which the header Origin shows.
"""

import contextlib
import ipaddress
import socket
import urllib.parse

from keras_vit.serving.limits import Refusal


def check_host(host, host_names=()):
    """Raises unless a request was sent to an address of numbers or a known name.

    Args:
        host: String, the header Host, perhaps with a port.
        host_names: Names of the server besides localhost and the machine's own.

    Raises:
        Refusal: with status 421.
    """
    name = _name_of(host)
    known = {"localhost", socket.gethostname().lower(), *map(str.lower, host_names)}
    if name in known or _is_address(name):
        return
    raise Refusal(
        421,
        f"This server is not known as {name[:100]!r}. Ask by its address, or start it "
        "with --host-names and this name.",
    )


def check_origin(origin, host):
    """Raises if a browser sends a request for a page of another site.

    Args:
        origin: String, the header Origin; `None` where there is none, as of programs.
        host: String, the header Host.

    Raises:
        Refusal: with status 403.
    """
    if origin is None:
        return
    with contextlib.suppress(ValueError):  # no address at all, such as "http://["
        if urllib.parse.urlsplit(origin).netloc == host:
            return
    raise Refusal(403, f"Pages of {origin[:100]} may not use this server.")


def _name_of(host):
    if host.startswith("["):  # an address of IPv6
        return host[1:].partition("]")[0]
    return host.rpartition(":")[0].lower() if ":" in host else host.lower()


def _is_address(name):
    try:
        ipaddress.ip_address(name)
    except ValueError:
        return False
    return True
