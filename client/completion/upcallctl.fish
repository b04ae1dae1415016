# SPDX-License-Identifier: GPL-2.0-or-later
#
# Completion of upcallctl for fish. tests/unit/test-completion compares it with what --help says.

function __upcallctl_containers
    upcallctl list --raw --noheadings --output NAME 2>/dev/null
end

function __upcallctl_upcalls
    upcallctl pending --raw --noheadings --output ID 2>/dev/null
end

function __upcallctl_verb
    __fish_seen_subcommand_from $argv
end

complete -c upcallctl -f
complete -c upcallctl -n __fish_use_subcommand -l help -d 'about upcallctl'
complete -c upcallctl -n __fish_use_subcommand -l version -d 'version of upcallctl'

complete -c upcallctl -n __fish_use_subcommand -a register -d 'name a running container by a process in it'
complete -c upcallctl -n __fish_use_subcommand -a unregister -d 'forget a container'
complete -c upcallctl -n __fish_use_subcommand -a list -d 'show the containers that are registered'
complete -c upcallctl -n __fish_use_subcommand -a status -d 'say whether daemon and kernel module work'
complete -c upcallctl -n __fish_use_subcommand -a reload -d 'read the configuration again'
complete -c upcallctl -n __fish_use_subcommand -a drain -d 'offer no more upcalls and wait for the rest'
complete -c upcallctl -n __fish_use_subcommand -a pending -d 'show the upcalls that wait or run'
complete -c upcallctl -n __fish_use_subcommand -a cancel -d 'end an upcall that waits or runs'
complete -c upcallctl -n __fish_use_subcommand -a show -d 'show everything about one container'
complete -c upcallctl -n __fish_use_subcommand -a explain -d 'whose task a process is, or how an upcall was decided'
complete -c upcallctl -n __fish_use_subcommand -a monitor -d 'print a line for each upcall'
complete -c upcallctl -n __fish_use_subcommand -a check -d 'say what is wrong in policy files'
complete -c upcallctl -n __fish_use_subcommand -a config -d 'show what policies say'
complete -c upcallctl -n __fish_use_subcommand -a doctor -d 'find what is wrong'
complete -c upcallctl -n __fish_use_subcommand -a exec -d 'run a command in a container'
complete -c upcallctl -n __fish_use_subcommand -a test -d 'raise one upcall inside a container'
complete -c upcallctl -n __fish_use_subcommand -a run -d 'run a program in a container of its own'

complete -c upcallctl -n 'not __fish_use_subcommand' -l json -d 'as JSON'
complete -c upcallctl -n 'not __fish_use_subcommand' -l help -d 'about the verb'
complete -c upcallctl -n '__upcallctl_verb unregister show config exec test' -a '(__upcallctl_containers)'
complete -c upcallctl -n '__upcallctl_verb test' -a 'core key key/ module'
complete -c upcallctl -n '__upcallctl_verb cancel' -a '(__upcallctl_upcalls)'
complete -c upcallctl -n '__upcallctl_verb register explain' -l pid -x -a '(__fish_complete_pids)' -d 'a process'
complete -c upcallctl -n '__upcallctl_verb register' -l ns -x -a 'cgroup= ipc= mnt= net= pid= time= user= uts=' -d 'a namespace of its'
complete -c upcallctl -n '__upcallctl_verb register' -l cgroup -x -a '(__fish_complete_directories)' -d 'where its tasks are'
complete -c upcallctl -n '__upcallctl_verb register' -l label -x -d 'kept and shown'
complete -c upcallctl -n '__upcallctl_verb register' -l runtime -x -d 'for [Match] Runtime='
complete -c upcallctl -n '__upcallctl_verb register' -l seccomp-filter -r -d 'instructions of BPF'
complete -c upcallctl -n '__upcallctl_verb list pending' -l raw -d 'no alignment'
complete -c upcallctl -n '__upcallctl_verb list pending' -l noheadings -d 'no line with names'
complete -c upcallctl -n '__upcallctl_verb list pending' -l output -x -d 'which columns'
complete -c upcallctl -n '__upcallctl_verb drain exec' -l timeout -x -d 'how long, in seconds'
complete -c upcallctl -n '__upcallctl_verb drain' -l undo -d 'offer upcalls again'
complete -c upcallctl -n '__upcallctl_verb monitor' -l native -d 'what the kernel handles by itself'
complete -c upcallctl -n '__upcallctl_verb monitor' -l namespaces -d 'with --native, their numbers'
complete -c upcallctl -n '__upcallctl_verb explain' -l class -x -a 'core key module release-agent other' -d 'only that class'
complete -c upcallctl -n '__upcallctl_verb explain' -l id -x -a '(__upcallctl_upcalls)' -d 'an upcall'
complete -c upcallctl -n '__upcallctl_verb config' -l user -x -a '(__fish_complete_users)' -d 'whose it is'
complete -c upcallctl -n '__upcallctl_verb config' -l runtime -x -d 'what made it'
complete -c upcallctl -n '__upcallctl_verb check config' -l config-dir -x -a '(__fish_complete_directories)' -d 'instead of upcalld.d'
complete -c upcallctl -n '__upcallctl_verb check' -F
complete -c upcallctl -n '__upcallctl_verb run' -l name -x -d 'what it is called'
complete -c upcallctl -n '__upcallctl_verb run' -l new-fs -d 'its own mounts'
complete -c upcallctl -n '__upcallctl_verb run' -l new-cgroup -d 'its own cgroup namespace'
complete -c upcallctl -n '__upcallctl_verb run' -l new-uts -d 'its own host name'
complete -c upcallctl -n '__upcallctl_verb run' -l new-ipc -d 'its own IPC'
complete -c upcallctl -n '__upcallctl_verb run' -l new-pid -d 'its own pids'
complete -c upcallctl -n '__upcallctl_verb run' -l new-net -d 'its own network'
complete -c upcallctl -n '__upcallctl_verb run' -l new-user -d 'its own ids'
complete -c upcallctl -n '__upcallctl_verb run' -l map -x -d 'from which id on'
