#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# lane: default
# soak-suites: trixie trixie-backports
#
# Containers and pods of an ordinary user's podman register by themselves, as README.md says: a core, a key and a name are handled
# inside, under their seccomp filter. What else is in the user namespace that they all share, as the engine, is nobody's. A user
# for whom no policy is runs his containers as without us.

# shellcheck source=lib/setup.sh
. lib/setup.sh
# shellcheck source=lib/served.sh
. lib/served.sh
container_uid=1000
containers=/srv/alice/containers

useradd -m -d /srv/alice -s /bin/bash -u 1000 alice
install -d -o alice -g alice "$containers"
check 'alice is logged in' loginctl enable-linger alice
check 'and has a manager of her own' wait_for 60 systemctl -q is-active user@1000.service
cat >/usr/local/bin/as-alice <<'SH'
#!/bin/sh
exec setpriv --reuid 1000 --regid 1000 --init-groups env -i HOME=/srv/alice USER=alice PATH=/usr/bin:/bin:/usr/sbin:/sbin \
	XDG_RUNTIME_DIR=/run/user/1000 DBUS_SESSION_BUS_ADDRESS=unix:path=/run/user/1000/bus "$@"
SH
chmod 755 /usr/local/bin/as-alice
# in a service of hers: conmon(8) goes on after it
her_podman() { as-alice systemd-run -q --user --pipe --wait --collect -p KillMode=process podman "$@"; }
hooked_podman() {
	install -d -o alice -g alice /srv/alice/.config /srv/alice/.config/containers
	cat >/srv/alice/.config/containers/containers.conf <<-'END'
		[engine]
		hooks_dir = ["/usr/share/containers/oci/hooks.d", "/usr/share/upcalld/oci/hooks.d"]
	END
}
hook_said() { journalctl -b --no-pager -q -t upcall-oci-hook -o cat; }
awake() { upcallctl status >/dev/null && as-alice upcallctl status >/dev/null; }
# runs NAME OPTION…
runs() {
	local name=$1
	shift
	with_handlers "$containers/$name/rootfs"
	her_podman run -d --name "$name" --security-opt seccomp="$filter" "$@" --rootfs "$containers/$name/rootfs" /bin/sleep 2147483647
}
pid_of() { her_podman inspect -f '{{.State.Pid}}' "$1"; }
name_of() { echo "1000-oci-$(her_podman ps --quiet --filter "name=^$1\$")"; }

audit_expect_host '*' 'an ordinary user and his podman'
mkdir -p "$containers"
filter=$(podman_filter)
chmod 644 "$filter"
hooked_podman
check 'while nobody has opened the way, podman runs a container' runs before --network none
check_equal 'which is not registered' '[]' "$(upcallctl list --json | jq -c .containers)"
check_equal 'and of which nothing is said' '' "$(hook_said)"
her_podman rm -f -t 0 before >/dev/null

systemctl enable --now upcalld-users.socket
awake
check 'while no policy is for her, too' runs before-2 --network none
check_equal 'which is not registered, either' '[]' "$(upcallctl list --json | jq -c .containers)"
check_equal 'nor is anything said of it' '' "$(hook_said)"
her_podman rm -f -t 0 before-2 >/dev/null

policy alice <<'CONF'
[Match]
User=alice
Name=oci-*
[Core]
Handler=/usr/libexec/save-core
[Key user]
[Key dns_resolver]
Handler=dns
CONF
awake
check 'podman runs web' runs web --network none
web=$(name_of web)
check_equal 'it is registered, by its first process, and hers' "$(pid_of web) live 1000" "$(entry "$web" '"\(.leader) \(.state) \(.uid)"')"
check_equal 'with her policy' alice.conf "$(policy_of "$web")"
check_equal 'she sees it' "$web" "$(as-alice upcallctl list --json | jq -r '.containers[].name')"
check_equal "what its maker says of its filter is not used: its first process is asked" 0 "$(entry "$web" '."seccomp-filter"')"
check 'so far the audit is clean' audit_checkpoint
# what podman needs for exec, besides
audit_expect_host '*' 'an ordinary user and his podman'
served rootless "$containers/web/rootfs" her_podman exec web
audit_expect_host '*' 'an ordinary user and his podman'
same_state rootless "$containers/web/rootfs" "$(pid_of web)"
check_equal 'the core is hers' alice "$(stat -c %U "$containers/web/rootfs/cores/core")"

# the engine's processes share its user namespace
conmon=$(pgrep -u alice -x conmon | head -n 1)
check 'the engine is in the same user namespace' \
	test "$(readlink "/proc/$conmon/ns/user")" = "$(readlink "/proc/$(pid_of web)/ns/user")"
check_equal 'and nobody that is registered' 'unregistered' \
	"$(upcallctl explain --pid "$conmon" --json | jq -r '.. | .scope? // empty' | head -n 1)"

# ------------------------------------------------------------------------------- a pod

awake
check 'podman makes a pod' her_podman pod create --name pod --network none
for name in left right; do
	awake
	check "podman runs $name in it" runs "$name" --pod pod
	check_equal "$name is registered" "$(pid_of "$name") live" "$(entry "$(name_of "$name")" '"\(.leader) \(.state)"')"
done
check 'both have one network' test "$(readlink "/proc/$(pid_of left)/ns/net")" = "$(readlink "/proc/$(pid_of right)/ns/net")"
check 'so far the audit is clean' audit_checkpoint
for name in left right; do
	audit_expect_host '*' 'an ordinary user and his podman'
	served "$name" "$containers/$name/rootfs" her_podman exec "$name"
	her_podman exec "$name" /bin/busybox killall dns-server
done

audit_expect_host '*' 'an ordinary user and his podman'
check 'the pod is removed' her_podman pod rm -f -t 0 pod
check 'web is removed' her_podman rm -f -t 0 web
none_left() { [ "$(upcallctl list --json | jq '.containers | length')" = 0 ]; }
check 'nothing is registered any more' wait_for 30 none_left
summary
