"""Debian's Exim as a private instance: its own configuration, spool and ports, on loopback alone, never the machine's service.

It stands for the mail server between us and the world: it takes our mail, tries the next hop, gives up, and writes its own reports about
it, which it hands to our port by LMTP.
"""

from __future__ import annotations

import os
import pwd
import shutil
import socket
import subprocess
import tempfile
import time
from pathlib import Path
from typing import Self

PROGRAM = "/usr/sbin/exim4"

CONFIGURATION = """
primary_hostname = relay.tiendanorte.example
spool_directory = {folder}/spool
log_file_path = {folder}/log/%slog
pid_file_path = {folder}/exim.pid
disable_ipv6 = true
keep_environment =
deliver_drop_privilege = true
tls_advertise_hosts =
host_lookup =
rfc1413_query_timeout = 0s
smtp_accept_max = 200
smtp_accept_queue_per_connection = 0
smtp_connect_backlog = 128
remote_max_parallel = 4
queue_run_max = 4
delay_warning = {warning}
delay_warning_condition = yes
acl_smtp_rcpt = accept
message_size_limit = 20M
chunking_advertise_hosts =
prdr_enable = false
domainlist locals = local.example

begin routers

back:
  driver = manualroute
  domains = {bounce_domain}
  route_data = 127.0.0.1
  self = send
  transport = back

next_hop:
  driver = manualroute
  domains = ! +locals : lsearch;{folder}/hops
  route_data = ${{lookup{{$domain}}lsearch{{{folder}/hops}}}}
  self = send
  transport = onward

gone:
  driver = redirect
  domains = +locals
  local_parts = gone
  allow_fail
  data = :fail: User unknown

away:
  driver = accept
  domains = +locals
  local_parts = away
  transport = absence

small:
  driver = accept
  domains = +locals
  local_parts = full
  transport = full_mailbox

begin transports

onward:
  driver = smtp
  hosts_override = false
  hosts_try_dane =
  hosts_try_auth =
  hosts_avoid_tls = *
  connect_timeout = 60s

back:
  driver = smtp
  protocol = lmtp
  port = {back}
  hosts_avoid_tls = *

absence:
  driver = autoreply
  user = Debian-exim
  from = "Ana <away@local.example>"
  to = $sender_address
  subject = "Respuesta automatica: fuera de la oficina"
  text = "Vuelvo el lunes."

full_mailbox:
  driver = appendfile
  file = {folder}/mailbox
  user = Debian-exim
  quota = 1
  quota_warn_threshold = 0
  create_directory = false

begin retry
{bounce_domain} * F,1h,1s
* * F,{patience},1s

begin rewrite
"""


class Exim:
    """One instance; `with` starts and ends it. Its ends of the world are given before: next hops by domain, and where reports go."""

    def __init__(self, *, back: int, bounce_domain: str, hops: dict[str, str], patience: str = "2s", warning: str = "0s") -> None:
        self.folder = Path(tempfile.mkdtemp(prefix="oportuno-exim-"))
        self.folder.chmod(0o755)
        for name in ("spool", "log"):
            (self.folder / name).mkdir()
        (self.folder / "hops").write_text("".join(f"{domain}: {where}\n" for domain, where in hops.items()))
        self.configuration = self.folder / "exim.conf"
        self.configuration.write_text(
            CONFIGURATION.format(folder=self.folder, back=back, bounce_domain=bounce_domain, patience=patience, warning=warning)
        )
        user = pwd.getpwnam("Debian-exim")
        for path in (self.folder, *self.folder.rglob("*")):
            os.chown(path, user.pw_uid, user.pw_gid)
        # Whoever it belongs to could have it run anything.
        os.chown(self.configuration, 0, 0)
        self.configuration.chmod(0o644)
        self.process: subprocess.Popen[bytes] | None = None
        self._listener = socket.create_server(("127.0.0.1", 0), backlog=128)
        self.port = int(self._listener.getsockname()[1])

    def __enter__(self) -> Self:
        # It takes over a socket that listens already, so that no port has to be guessed free.
        self.process = subprocess.Popen([PROGRAM, "-C", str(self.configuration), "-bw"], stdin=self._listener.fileno())
        return self

    def look_through_the_queue(self) -> None:
        """Try what is due, and give up what has waited too long; returns when that is done."""
        subprocess.run([PROGRAM, "-C", str(self.configuration), "-q"], stdin=subprocess.DEVNULL, check=True, timeout=600)

    def __exit__(self, *_: object) -> None:
        if self.process is not None:
            self.process.terminate()
            self.process.wait(60)
        self._listener.close()
        # Deliveries that are under way are processes of their own.
        limit = time.monotonic() + 60
        while self._under_way() and time.monotonic() < limit:
            time.sleep(0.05)
        shutil.rmtree(self.folder, ignore_errors=True)

    def _under_way(self) -> bool:
        mark = f"{self.configuration}".encode()
        for entry in Path("/proc").iterdir():
            if entry.name.isdigit():
                try:
                    if mark in (entry / "cmdline").read_bytes():
                        return True
                except OSError:
                    continue
        return False

    def said(self) -> str:
        """Give its logs, for whoever has to find out why something did not come."""
        return "\n".join(path.read_text(errors="replace") for path in sorted((self.folder / "log").iterdir()))


def has_exim() -> bool:
    """Say whether the program is there."""
    return Path(PROGRAM).exists()


def install() -> None:
    """Install Debian's package. Raises CalledProcessError when that does not work."""
    environment = os.environ | {"DEBIAN_FRONTEND": "noninteractive"}
    subprocess.run(["apt-get", "update", "-qq"], check=True, env=environment, timeout=600)
    packages = ["apt-get", "install", "-y", "-qq", "--no-install-recommends", "exim4-daemon-light"]
    subprocess.run(packages, check=True, env=environment, stdout=subprocess.DEVNULL, timeout=600)
