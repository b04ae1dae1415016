# SPDX-License-Identifier: GPL-2.0-or-later
"""Reads a vmlinux on standard input and prints the definition of the kprobe event with which the exec audit sees, for
every program that is executed, whose child it is and in which namespaces.

The kernel's own exec tracepoint tells neither. proc_exec_connector(task) is called right after it for every exec; where
the fields of its argument are is in the kernel's type information (BTF). Done when the image is made, because reading
six megabytes of types takes a while under emulation.
"""
import struct
import sys

# name in the event, path of fields from struct task_struct ("*" where a pointer is followed), type of the value
FIELDS = (
    ("pid", "task_struct.pid", "s32"),
    ("tgid", "task_struct.tgid", "s32"),
    ("ppid", "task_struct.real_parent * task_struct.tgid", "s32"),
    ("pflags", "task_struct.real_parent * task_struct.flags", "x32"),
    ("mnt", "task_struct.nsproxy * nsproxy.mnt_ns * mnt_namespace.ns ns_common.inum", "u32"),
    ("net", "task_struct.nsproxy * nsproxy.net_ns * net.ns ns_common.inum", "u32"),
    ("user", "task_struct.cred * cred.user_ns * user_namespace.ns ns_common.inum", "u32"),
    # How deep in pid namespaces: 0 is the initial one.
    ("pidlevel", "task_struct.thread_pid * pid.level", "u32"),
    ("cgroup", "task_struct.cgroups * css_set.dfl_cgrp * cgroup.kn * kernfs_node.id", "u64"),
)

STRUCT, UNION = 4, 5
# Bytes after struct btf_type for the kinds that have any: (fixed, per element)
EXTRA = {1: (4, 0), 3: (12, 0), 4: (0, 12), 5: (0, 12), 6: (0, 8), 13: (0, 8), 14: (4, 0), 15: (0, 12), 17: (4, 0),
         19: (0, 12)}


def btf_section(elf):
    shoff, = struct.unpack_from("<Q", elf, 0x28)
    size, count, names = struct.unpack_from("<HHH", elf, 0x3A)
    sections = [struct.unpack_from("<IIQQQQ", elf, shoff + i * size) for i in range(count)]
    strings = sections[names][4]
    for name, _, _, _, offset, length in sections:
        end = elf.index(b"\0", strings + name)
        if elf[strings + name:end] == b".BTF":
            return elf[offset:offset + length]
    sys.exit("exec-probe: no .BTF section in the kernel")


class Types:
    def __init__(self, data):
        magic, _, _, hdr, toff, tlen, soff, _ = struct.unpack_from("<HBBIIIII", data)
        if magic != 0xEB9F:
            sys.exit("exec-probe: the .BTF section has no BTF in it")
        self.data, self.strings = data, hdr + soff
        self.types, self.by_name = [None], {}
        pos, end = hdr + toff, hdr + toff + tlen
        while pos < end:
            name, info, _ = struct.unpack_from("<III", data, pos)
            kind, vlen = info >> 24 & 0x1F, info & 0xFFFF
            self.types.append((kind, vlen, bool(info >> 31), pos + 12))
            if kind == STRUCT and name:
                self.by_name.setdefault(self.string(name), len(self.types) - 1)
            fixed, each = EXTRA.get(kind, (0, 0))
            pos += 12 + fixed + each * vlen

    def string(self, offset):
        start = self.strings + offset
        return self.data[start:self.data.index(b"\0", start)].decode()

    def offset(self, type_id, field):
        """In bytes, looking into unnamed structures and unions; None if there is no such field."""
        kind, vlen, flag, pos = self.types[type_id]
        if kind not in (STRUCT, UNION):
            return None
        for i in range(vlen):
            name, member, bits = struct.unpack_from("<III", self.data, pos + 12 * i)
            bits = bits & 0xFFFFFF if flag else bits
            if name and self.string(name) == field:
                return bits // 8
            if not name:
                inner = self.offset(member, field)
                if inner is not None:
                    return bits // 8 + inner
        return None


def fetch(types, path, kind):
    expression, offset = "$arg1", 0
    for step in path.split():
        if step == "*":
            expression, offset = f"+{offset}({expression})", 0
            continue
        name, field = step.split(".")
        found = types.offset(types.by_name.get(name, 0), field) if name in types.by_name else None
        if found is None:
            sys.exit(f"exec-probe: this kernel has no {step}")
        offset += found
    return f"+{offset}({expression}):{kind}"


def main():
    types = Types(btf_section(sys.stdin.buffer.read()))
    arguments = (f"{name}={fetch(types, path, kind)}" for name, path, kind in FIELDS)
    print("p:upcall_audit/exec proc_exec_connector " + " ".join(arguments))


main()
