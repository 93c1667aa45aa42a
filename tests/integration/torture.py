# Copyright (c) 2026 container_linux.remediation contributors
# SPDX-License-Identifier: GPL-3.0-or-later

"""Units that use all that a unit file may hold to declare a dependency, and what makes one hard to read."""

from __future__ import annotations

import base64
import shlex
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ansible_collections.container_linux.remediation.tests.integration.conftest import Machine

ETC, RUN, LIB = "/etc/systemd/system", "/run/systemd/system", "/usr/lib/systemd/system"
_SERVICE = "[Service]\nExecStart=/bin/true\n"

FILES = {
    # continued lines with comments in between, and resets that systemd does not honour
    f"{ETC}/torture-lines.service": """\
; not a setting: After=torture-nothing.service
[Unit]
# nor this one: \\
After=torture-a.service \\
  # between continued lines
  torture-b.service \\
; and again
\ttorture-c.service

After=
 Wants = torture-a.service\t torture-missing.service
wants=torture-lower.service
Requisite=torture-b.service
BindsTo=torture-c.service
PartOf=torture-d.service
Conflicts=torture-e.service
OnFailure=torture-fail@%n.service
Upholds=torture-upheld.service
PropagatesReloadTo=torture-a.service
[X-Ours]
After=torture-elsewhere.service
[Service]
After=torture-elsewhere.service
ExecStart=/bin/echo \\
After=torture-argument.service
""",
    # quotes, blanks, line ends of Windows, a byte order mark, no line end at the end
    f"{ETC}/torture-quotes.service": "\ufeff[Unit]\r\nAfter=\"torture-a.service\" 'torture-b.service' \\\r\n"
    '  torture-"c".service\r\n  [Unit]  \r\nWants="torture-d.service torture-a.service" torture-e.service\r\n'
    f"Requires=torture-\\x2d.service /no/unit torture-noend\r\n{_SERVICE}[Unit]\nBefore=torture-b.service",
    f"{ETC}/torture-unbalanced.service": '[Unit]\nAfter=torture-a.service "torture-b.service\n'
    f"Wants=torture-c.service\n{_SERVICE}",
    # one that others declare dependencies for, by each of its names
    f"{LIB}/torture-a.service": f"{_SERVICE}[Install]\nWantedBy=torture.target\nAlias=torture-alias.service\n",
    f"{ETC}/torture-alias.service.d/10-alias.conf": "[Unit]\nAfter=torture-e.service\n",
    f"{LIB}/torture-b.service": f"[Unit]\nBefore=torture-alias.service\nDefaultDependencies=no\n{_SERVICE}",
    f"{LIB}/torture-c.service": _SERVICE,
    f"{LIB}/torture-d.service": f"[Unit]\nRequires=torture-alias.service\nAfter=torture-alias.service\n{_SERVICE}",
    f"{LIB}/torture-e.service": f"[Unit]\nAfter=torture-e.service\n{_SERVICE}",
    # templates, instances, names with escapes, specifiers
    f"{LIB}/torture-many@.service": """\
[Unit]
After=torture-dep@%i.service torture-dep@.service
Wants=torture-of-%p.service %p-%j@%i.service torture-100%%.service
Before=torture-on-%H.target torture-boot-%b.target
RequiresMountsFor=/run/torture/%I
PartOf=torture-%N.target
[Service]
ExecStart=/bin/true
[Install]
WantedBy=torture.target
DefaultInstance=one
""",
    f"{LIB}/torture-dep@.service": _SERVICE,
    f"{LIB}/torture-fail@.service": f"[Unit]\nDescription=%i\n{_SERVICE}",
    f"{ETC}/torture-many@.service.d/20-all.conf": "[Unit]\nWants=torture-all-%i.service\n",
    f"{ETC}/torture-many@one.service.d/30-one.conf": "[Unit]\nWants=torture-only-one.service\n",
    f"{ETC}/user-cloudinit@var-lib-coreos\\x2dinstall-torture.service.d/10.conf": "[Unit]\nAfter=torture-a.service\n",
    f"{ETC}/torture-first.service": f"[Unit]\nWants=torture-many@one.service torture-many@two.service\n"
    "Wants=user-cloudinit@var-lib-coreos\\x2dinstall-torture.service\n"
    f"After=user-cloudinit@var-lib-coreos\\x2dinstall-torture.service\n{_SERVICE}",
    # drop-ins of one name hide each other; those of a prefix and of a type count for many units
    f"{LIB}/torture-drop-in.service": _SERVICE,
    f"{ETC}/torture-drop-in.service.d/50-same.conf": "[Unit]\nAfter=torture-a.service\n",
    f"{RUN}/torture-drop-in.service.d/50-same.conf": "[Unit]\nAfter=torture-b.service\n",
    f"{LIB}/torture-drop-in.service.d/50-same.conf": "[Unit]\nAfter=torture-c.service\n",
    f"{LIB}/torture-.service.d/50-same.conf": "[Unit]\nWants=torture-prefixed.service\n",
    f"{RUN}/torture-drop-in.service.d/60-run.conf": "[Unit]\nAfter=torture-d.service\n",
    f"{LIB}/torture-drop-in.service.d/70-lib.conf": "[Unit]\nAfter=torture-e.service\n",
    f"{LIB}/torture-drop-in.service.d/80-masked.conf": "[Unit]\nWants=torture-a.service\n",
    f"{LIB}/torture-drop-in.service.d/no-drop-in.txt": "[Unit]\nWants=torture-b.service\n",
    f"{RUN}/service.d/50-torture.conf": "[Unit]\nAfter=torture-type.target\n",
    f"{ETC}/torture-type.target": "[Unit]\nDescription=Every service is ordered after it\n",
    # masks
    f"{LIB}/torture-masked.service": f"[Unit]\nAfter=torture-a.service\n{_SERVICE}",
    f"{LIB}/torture-empty.service": f"[Unit]\nAfter=torture-a.service\n{_SERVICE}",
    f"{ETC}/torture-empty.service": "",
    f"{ETC}/torture-masked.service.d/10.conf": "[Unit]\nAfter=torture-b.service\n",
    # what starts something else
    f"{ETC}/torture-tick.timer": "[Timer]\nOnCalendar=daily\n",
    f"{ETC}/torture-tick.service": _SERVICE,
    f"{ETC}/torture-tock.timer": "[Timer]\nOnActiveSec=1h\nUnit=torture-a.service\n",
    f"{ETC}/torture-watch.path": "[Path]\nPathExists=/mnt/torture/sub/flag\nUnit=torture-b.service\n",
    f"{ETC}/torture-look.path": "[Path]\nPathChanged=/var/lib/torture-look\n",
    f"{ETC}/torture-look.service": _SERVICE,
    f"{ETC}/torture-sock.socket": "[Socket]\nListenStream=/mnt/torture/sock\nBindToDevice=lo\n",
    f"{ETC}/torture-sock.service": f"[Unit]\nDefaultDependencies=no\n{_SERVICE}",
    f"{ETC}/torture-accept.socket": "[Socket]\nListenStream=/run/torture-accept\nAccept=yes\n",
    f"{ETC}/torture-accept@.service": f"{_SERVICE}StandardInput=socket\n",
    f"{ETC}/torture-named.socket": "[Socket]\nListenStream=127.0.0.1:7001\nService=torture-c.service\n",
    f"{ETC}/torture-sockets.service": f"{_SERVICE}Sockets=torture-more.socket \\\n  torture-%n-x.socket\n",
    f"{ETC}/torture-more.socket": "[Socket]\nListenStream=/run/torture-more\nService=torture-sockets.service\n",
    # mounts, paths, slices and what a process needs
    f"{ETC}/mnt-torture.mount": "[Mount]\nWhat=tmpfs\nWhere=/mnt/torture\nType=tmpfs\n",
    f"{ETC}/mnt-torture-sub.mount": "[Mount]\nWhat=/mnt/torture/source\nWhere=/mnt/torture/sub\nOptions=bind\n",
    f"{ETC}/mnt-torture\\x2dnet.mount": "[Mount]\nWhat=host:/x\nWhere=/mnt/torture-net\nType=nfs\n",
    f"{ETC}/mnt-torture\\x2dauto.mount": "[Mount]\nWhat=/dev/torture\nWhere=/mnt/torture-auto\nType=ext4\n",
    f"{ETC}/mnt-torture\\x2dauto.automount": "[Automount]\nWhere=/mnt/torture-auto\n",
    f"{ETC}/mnt-torture-swapfile.swap": "[Swap]\nWhat=/mnt/torture/swapfile\n",
    f"{ETC}/torture-paths.service": f"[Unit]\nRequiresMountsFor=/mnt/torture/sub/x \\\n  /mnt/torture-net\n{_SERVICE}",
    # a path with a blank is a whole value, or quoted in a list
    f"{ETC}/mnt-torture\\x20blank.mount": "[Mount]\nWhat=tmpfs\nWhere=/mnt/torture blank\nType=tmpfs\n",
    f"{ETC}/torture-blank.service": '[Unit]\nRequiresMountsFor=/run "/mnt/torture blank/x"\n'
    f"{_SERVICE}WorkingDirectory=/mnt/torture blank/y\n",
    f"{ETC}/torture-blank.path": "[Path]\nPathExists=/mnt/torture blank/flag\n",
    f"{ETC}/torture-process.service": f"{_SERVICE}WorkingDirectory=-/mnt/torture\nRuntimeDirectory=torture\n"
    "StateDirectory=torture-a\nPrivateTmp=yes\nSlice=torture-sub.slice\nLogNamespace=torture\n",
    f"{ETC}/torture-image.service": f"{_SERVICE}RootImage=/mnt/torture/image.raw\nStandardOutput=null\n"
    "StandardError=null\n",
    f"{ETC}/torture-bus.service": "[Service]\nType=dbus\nBusName=org.example.Torture\nExecStart=/bin/true\n",
    f"{ETC}/torture-sub.slice": "[Unit]\nDefaultDependencies=no\n",
    f"{ETC}/torture-early.target": "[Unit]\nDefaultDependencies=no\nWants=torture-a.service\n",
    f"{ETC}/torture-upholding.target": "[Unit]\nUpholds=torture-c.service\n",
    # a cycle, made by three files in three ways
    f"{ETC}/torture-one.service": f"[Unit]\nAfter=torture-two.service\n{_SERVICE}",
    f"{ETC}/torture-two.service": _SERVICE,
    f"{ETC}/torture-two.service.d/10-cycle.conf": "[Unit]\nDescription=two\nAfter=torture-three.service\n",
    f"{ETC}/torture-three.service": _SERVICE,
    f"{ETC}/torture-one.service.d/10-cycle.conf": "[Unit]\nBefore=torture-three.service\n",
    # names that no line and no list can hold as they are
    f"{ETC}/torture-names.service": _SERVICE,
    f"{ETC}/torture-names.service.d/10 with blanks.conf": "[Unit]\nAfter=torture-a.service\n",
    f"{ETC}/torture-names.service.d/30-'$(id)\"\\.conf": "[Unit]\nAfter=torture-c.service\n",
    f"{ETC}/torture-names.service.d/40-ünï.conf": "[Unit]\nAfter=torture-d.service\n",
    # no text, or not all of it
    f"{ETC}/torture-binary.service": "\x7fELF\0\1\2[Unit]\nAfter=torture-a.service\n\0\n" + "\udcff\0" * 500,
    f"{ETC}/torture-latin.service": f"[Unit]\n# caf\udce9\nAfter=torture-a.service\n{_SERVICE}",
    # systemd reads a file up to the line that is no text; a unit file with one it does not take at all
    f"{ETC}/torture-latin.service.d/10.conf": "[Unit]\nAfter=torture-b.service\nDescription=caf\udce9\n"
    "Wants=torture-c.service\n",
    f"{ETC}/torture-greek.service": f"[Unit]\nAfter=torture-\udce9.service torture-a.service\n{_SERVICE}",
    f"{ETC}/torture-long.service": _SERVICE,
    f"{ETC}/torture-long.service.d/10-long.conf": "[Unit]\n"
    + "".join(f"Wants=torture-long-{n % 40}.service\n" for n in range(2000)),
    # what makes systemd load them all; nothing starts it
    f"{ETC}/torture.target": "[Unit]\nWants=torture-early.target torture-noend.service\n"
    "Wants=torture-tick.timer torture-tock.timer torture-watch.path torture-look.path torture-sock.socket \\\n"
    "  torture-accept.socket torture-named.socket mnt-torture\\x2dauto.automount mnt-torture-swapfile.swap \\\n"
    "  torture-lines.service torture-quotes.service torture-first.service torture-drop-in.service\n"
    "Wants=torture-masked.service torture-empty.service torture-paths.service torture-process.service\n"
    "Wants=torture-image.service torture-bus.service torture-one.service torture-unbalanced.service\n"
    "Wants=torture-sockets.service torture-names.service torture-binary.service torture-latin.service\n"
    "Wants=torture-blank.path torture-upholding.target\n"
    "Wants=torture-greek.service\nWants=torture-long.service torture-loop.service torture-folder.service\n",
    "/opt/torture-linked.service": f"[Unit]\nAfter=torture-alias.service\n{_SERVICE}",
}
LINKS = {
    f"{ETC}/torture-alias.service": f"{LIB}/torture-a.service",
    f"{ETC}/multi-user.target.wants/torture.target": f"{ETC}/torture.target",
    f"{ETC}/torture-linked.service": "/opt/torture-linked.service",
    f"{ETC}/torture.target.wants/torture-alias.service": f"{LIB}/torture-a.service",
    f"{ETC}/torture.target.wants/torture-linked.service": "/opt/torture-linked.service",
    f"{ETC}/torture.target.requires/torture-many@three.service": f"{LIB}/torture-many@.service",
    f"{ETC}/torture-alias.service.wants/torture-c.service": "../nowhere",
    f"{ETC}/torture-many@two.service": f"{LIB}/torture-many@.service",
    f"{ETC}/torture-many@.service.requires/torture-b.service": f"{LIB}/torture-b.service",
    f"{ETC}/torture-many@one.service.wants/torture-dep@.service": f"{LIB}/torture-dep@.service",
    f"{ETC}/torture-drop-in.service.d/80-masked.conf": "/dev/null",
    f"{ETC}/torture-masked.service": "/dev/null",
    f"{ETC}/torture-drop-in.service.wants/torture-c.service": "/dev/null",
    f"{LIB}/torture-drop-in.service.wants/torture-c.service": "../torture-c.service",
    f"{LIB}/torture-drop-in.service.wants/torture-e.service": "../torture-e.service",
    f"{LIB}/torture-.service.wants/torture-wanted.service": "../torture-c.service",
    f"{ETC}/torture-two.service.wants/torture-wanted.service": "/dev/null",
    f"{ETC}/torture-two.service.upholds/torture-upheld.service": "../torture-c.service",
    f"{ETC}/torture-three.service.wants": "/opt/torture-wants",
    f"{ETC}/torture-loop.service": "torture-loop.service",
    f"{ETC}/torture-names.service.wants/torture-loop.service": "torture-loop.service",
    f"{ETC}/torture-names.service.wants/with blanks.service": f"{LIB}/torture-a.service",
    f"{ETC}/torture-names.service.wants/with\na line break.service": f"{LIB}/torture-a.service",
    f"{ETC}/torture-names.service.wants/no-unit": f"{LIB}/torture-a.service",
    "/opt/torture-wants/torture-d.service": f"{LIB}/torture-d.service",
}


def inflict(host: Machine) -> None:
    """Have the machine load them all; nothing of it is started."""
    script = ""
    for path, text in FILES.items():
        script += f"mkdir -p {shlex.quote(path.rpartition('/')[0])}\n"
        data = base64.b64encode(text.encode(errors="surrogateescape")).decode()
        script += f"echo {data} | base64 -d > {shlex.quote(path)}\n"
    for path, target in LINKS.items():
        script += f"mkdir -p {shlex.quote(path.rpartition('/')[0])}\n"
        script += f"ln -s {shlex.quote(target)} {shlex.quote(path)}\n"
    host.sh(script + f"mkdir {ETC}/torture-folder.service\nsystemctl daemon-reload\n")


def relieve(host: Machine) -> None:
    """Take them all away again."""
    paths = [*FILES, *LINKS]
    folders = {f"{ETC}/torture-folder.service", *(path.rpartition("/")[0] for path in paths)} - {
        ETC,
        RUN,
        LIB,
        "/opt",
        f"{ETC}/multi-user.target.wants",
    }
    script = f"rm -f {' '.join(map(shlex.quote, paths))}\n"
    script += f"rmdir {' '.join(map(shlex.quote, sorted(folders)))} 2>/dev/null\nsystemctl daemon-reload\n"
    host.sh(script)
