# shellcheck shell=bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# Real OCI containers for tests, made with crun; sourced in the guest.
#
#   container_rootfs DIR                a root: busybox, the test programs, keyutils with its libraries
#   container_start NAME [JQ-FILTER]    runs NAME with every namespace of its own and prints nothing; its root is
#                                       $containers/NAME/rootfs and its leader $(container_pid NAME). JQ-FILTER edits
#                                       config.json
#   container_privileged                a JQ-FILTER: no user namespace, all capabilities
#   hooked [OPTION…]                    a JQ-FILTER: the bundle has our hook, $hook, with these options
#   container_exec NAME CMD…            in the container, as its root
#   container_stop NAME
#   container_cgroup NAME               its boundary below /sys/fs/cgroup
#
# A container's ids are the host's from 100000 on.

containers=${containers:-/run/upcall-containers}
container_uid=100000

# Programs that need libraries come with them, at the same paths: what ldd says, which is a slow script around this.
rootfs_add_program() {
	local root=$1 program=$2
	# shellcheck disable=SC2046 # paths without spaces
	cp -L --parents "$program" $(LD_TRACE_LOADED_OBJECTS=1 "$program" | grep -o '/[^ ]*') "$root"
}

# Each is a copy of the first: a copy is one process, and making one is fifty.
container_rootfs() {
	local template=$containers/.rootfs-$container_uid
	[ -d "$template" ] || { container_template_make "$template.new" && mv "$template.new" "$template"; } || return
	mkdir -p "$1"
	cp -a "$template/." "$1"
}

container_template_make() {
	local root=$1
	mkdir -p "$root"/{bin,sbin,dev,proc,sys,tmp,run,etc,root,usr/libexec,mnt,cores,gate}
	cp "$(command -v busybox)" "$PWD"/{requester,dns-server} "$root/bin/"
	# Its shell is its own ln: a link is no exec.
	busybox sh -c 'cd "$1/bin" && shift && for tool; do ln -sf busybox "$tool"; done' sh "$root" \
		sh cat cp echo sleep sync ls mkdir test true false kill ps id hostname ip env || return
	rootfs_add_program "$root" /bin/keyctl
	rootfs_add_program "$root" /sbin/request-key
	echo 'root:x:0:0::/root:/bin/sh' >"$root/etc/passwd"
	chmod 1777 "$root/tmp"
	chown -R "$container_uid:$container_uid" "$root"
}

# One bundle for all, then this container's: everything of its own, its leader sleeps.
container_config() {
	local bundle=$1 name=$2 spec=$containers/.spec
	[ -d "$spec" ] || { mkdir -p "$spec.new" && (cd "$spec.new" && crun spec --rootless >/dev/null) && mv "$spec.new" "$spec"; } || return
	jq --arg name "$name" --argjson uid "$container_uid" '
		.process.terminal = false
		| .process.args = ["/bin/sleep", "2147483647"]
		| .root.readonly = false
		| .hostname = $name
		| .linux.namespaces = [{type: "pid"}, {type: "network"}, {type: "ipc"}, {type: "uts"}, {type: "mount"},
			{type: "cgroup"}, {type: "user"}]
		| .linux.uidMappings = [{containerID: 0, hostID: $uid, size: 65536}]
		| .linux.gidMappings = .linux.uidMappings
		| .linux.cgroupsPath = "/" + $name
		| '"${3:-.}" "$spec/config.json" >"$bundle/config.json"
}

container_privileged() {
	cat <<-'JQ'
		.linux.namespaces |= map(select(.type != "user"))
		| del(.linux.uidMappings, .linux.gidMappings, .linux.maskedPaths, .linux.readonlyPaths)
		| (["CAP_SYS_ADMIN", "CAP_NET_ADMIN", "CAP_SYS_CHROOT", "CAP_SETUID", "CAP_SETGID", "CAP_KILL", "CAP_CHOWN",
			"CAP_DAC_OVERRIDE", "CAP_FOWNER", "CAP_SETPCAP", "CAP_NET_BIND_SERVICE", "CAP_NET_RAW", "CAP_MKNOD"]) as $caps
		| .process.capabilities = {bounding: $caps, effective: $caps, permitted: $caps}
		| .process.noNewPrivileges = false
	JQ
}

hook=/usr/libexec/oci/hooks.d/upcall-oci-hook
hooked() {
	jq -nr --arg path "$hook" --arg options "$*" '
		def entry($phase): [{path: $path, args: (["upcall-oci-hook"] + ($options / " " | map(select(. != ""))) + [$phase])}];
		".hooks = \({createRuntime: entry("createRuntime")})"'
}

container_start() {
	local name=$1 bundle=$containers/$1
	mkdir -p "$bundle"
	[ -d "$bundle/rootfs" ] || container_rootfs "$bundle/rootfs"
	container_config "$bundle" "$name" "${2:-.}" || return
	crun --cgroup-manager=cgroupfs run --bundle "$bundle" --pid-file "$bundle/pid" --detach "$name" </dev/null >"$bundle/log" 2>&1 || {
		cat "$bundle/log" >&2
		return 1
	}
}

container_pid() { cat "$containers/$1/pid"; }

container_exec() {
	local name=$1
	shift
	crun --cgroup-manager=cgroupfs exec "$name" "$@"
}

container_stop() {
	crun --cgroup-manager=cgroupfs delete --force "$1"
}

container_cgroup() {
	local path
	path=$(sed -n 's/^0:://p' "/proc/$(container_pid "$1")/cgroup")
	echo "/sys/fs/cgroup$path"
}
