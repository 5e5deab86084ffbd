"""Machines on a network that can be broken: namespaces of this host's kernel, joined by a bridge."""

import itertools
import os
import shutil
import subprocess

from harness.process import until

COUNT = itertools.count()


def missing() -> str:
    """Say what this host lacks for a Network; empty when it lacks nothing."""
    if os.geteuid() != 0:
        return "network namespaces need root"
    for program in ("ip", "nsenter", "iptables", "unshare", "hostname"):
        if not shutil.which(program):
            return f"there is no program {program}"
    name = f"kfm{os.getpid()}try"
    made = subprocess.run(["ip", "netns", "add", name], capture_output=True, text=True, check=False)
    if made.returncode != 0:
        return f"this kernel makes no network namespaces: {made.stderr.strip()}"
    drop = f"ip netns exec {name} iptables -A INPUT -s 192.0.2.1 -j DROP"
    dropped = subprocess.run(drop.split(), capture_output=True, text=True, check=False)
    run("ip", "netns", "del", name)
    return f"iptables cannot drop packets: {dropped.stderr.strip()}" if dropped.returncode != 0 else ""


def run(*command: str) -> None:
    """Run a program that must succeed."""
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise AssertionError(f"{' '.join(command)}: {done.stderr.strip()}")


class Machine:
    """A network namespace with an address on the network."""

    def __init__(self, network: "Network", number: int):
        """It is the number-th, from 1 on; what is run within it with `within` is on it."""
        self.address = f"{network.prefix}.{number}"
        self.space = f"{network.name}m{number}"
        self.port = f"{network.name}p{number}"  # of the bridge, to which it is plugged
        name = f'hostname machine-{number}; exec "$@"'  # a name that no other machine knows
        self.within = [
            *("nsenter", f"--net=/run/netns/{self.space}"),
            *("unshare", "--uts", "sh", "-c", name, "sh"),
        ]
        self.network = network
        run("ip", "netns", "add", self.space)
        run(*f"ip link add {self.port} type veth peer name eth0 netns {self.space}".split())
        run(*f"ip link set {self.port} master {network.name} up".split())
        for what in ("link set lo up", f"addr add {self.address}/24 dev eth0", "link set eth0 up"):
            run("ip", "-n", self.space, *what.split())

    def unplug(self) -> None:
        """Have packets vanish, both ways, and tell nobody."""
        run("ip", "link", "set", self.port, "nomaster")

    def plug(self) -> None:
        """Undo unplug."""
        run("ip", "link", "set", self.port, "master", self.network.name, "up")

    def deafen(self, to: "Machine", *unless: str) -> None:
        """Have what comes from another machine vanish; `unless` are further words of an iptables rule."""
        run(*self.within, "iptables", "-A", "INPUT", "-s", to.address, *unless, "-j", "DROP")

    def listen(self) -> None:
        """Undo deafen."""
        run(*self.within, "iptables", "-F", "INPUT")


class Network:
    """A bridge of this host, which is on it too, and the machines that are plugged into it."""

    def __init__(self, machines: int):
        """Make that many machines."""
        self.name = f"kfm{os.getpid()}n{next(COUNT)}"  # of the last, some may not be gone yet
        self.prefix = f"10.231.{os.getpid() % 250}"
        self.machines: list[Machine] = []
        run("ip", "link", "add", self.name, "type", "bridge")
        try:
            run("ip", "addr", "add", f"{self.prefix}.254/24", "dev", self.name)
            run("ip", "link", "set", self.name, "up")
            for number in range(1, machines + 1):
                self.machines.append(Machine(self, number))
        except AssertionError:
            self.close()
            raise

    def close(self) -> None:
        """Remove all of it. What still runs within is let go on without a network."""
        for machine in self.machines:
            run("ip", "netns", "del", machine.space)
        run("ip", "link", "del", self.name)
        until("the network to be gone", lambda: not os.path.exists(f"/sys/class/net/{self.name}"), 10)
