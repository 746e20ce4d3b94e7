"""Hosts with addresses of their own: network namespaces on one bridge, whose cables can be pulled."""

import ctypes
import os
import subprocess
import uuid

_LIBC = ctypes.CDLL(None, use_errno=True)
_CLONE_NEWNET = 0x40000000
_SUBNET = "10.231.77"


def not_permitted() -> str:
    """Why there can be no namespaces here; empty when there can."""
    tried = subprocess.run(["unshare", "--net", "ip", "link", "add", "weir0", "type", "bridge"], capture_output=True, text=True)
    return "" if tried.returncode == 0 else tried.stderr.strip()


def _ip(*arguments: str) -> None:
    subprocess.run(["ip", *arguments], check=True, capture_output=True)


class Network:
    """Host n is 10.231.77.n. The bridge is in a namespace too, so that nothing of it shows outside."""

    def __init__(self, hosts: int):
        self._prefix = f"weir-{uuid.uuid4().hex[:8]}"
        self._outside = os.open("/proc/self/ns/net", os.O_RDONLY)
        self._hosts = hosts
        try:
            self._connect()
        except BaseException:
            self.remove()
            raise

    def _connect(self) -> None:
        _ip("netns", "add", self._bridge)
        _ip("-n", self._bridge, "link", "add", "bridge", "type", "bridge")
        _ip("-n", self._bridge, "link", "set", "bridge", "up")
        for host in range(1, self._hosts + 1):
            _ip("netns", "add", self._name(host))
            cable = ("link", "add", "eth", "netns", self._name(host), "type", "veth", "peer", "name", f"port{host}")
            _ip("-n", self._bridge, *cable)
            _ip("-n", self._bridge, "link", "set", f"port{host}", "master", "bridge", "up")
            _ip("-n", self._name(host), "addr", "add", f"{self.address(host)}/24", "dev", "eth")
            for device in ("eth", "lo"):
                _ip("-n", self._name(host), "link", "set", device, "up")

    @property
    def _bridge(self) -> str:
        return f"{self._prefix}-bridge"

    def _name(self, host: int) -> str:
        return f"{self._prefix}-{host}"

    def address(self, host: int) -> str:
        return f"{_SUBNET}.{host}"

    def on(self, host: int) -> tuple[str, ...]:
        """In front of a command that is to run there."""
        return ("ip", "netns", "exec", self._name(host))

    def move_to(self, host: int) -> None:
        """This thread, and the children and threads that it starts, are there from now on."""
        inside = os.open(f"/run/netns/{self._name(host)}", os.O_RDONLY)
        assert _LIBC.setns(inside, _CLONE_NEWNET) == 0, os.strerror(ctypes.get_errno())
        os.close(inside)

    def pull(self, host: int) -> None:
        _ip("-n", self._bridge, "link", "set", f"port{host}", "down")

    def plug(self, host: int) -> None:
        _ip("-n", self._bridge, "link", "set", f"port{host}", "up")

    def remove(self) -> None:
        _LIBC.setns(self._outside, _CLONE_NEWNET)
        os.close(self._outside)
        for name in [self._bridge, *(self._name(host) for host in range(1, self._hosts + 1))]:
            subprocess.run(["ip", "netns", "del", name], capture_output=True)
