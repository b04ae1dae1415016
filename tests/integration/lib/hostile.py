#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""What nobody should send to the control socket of upcalld.

hostile.py VERB [ARG...], on $UPCALLD_SOCKET:
  call METHOD       a method without arguments; prints its error's name, or "answered"
  wrong-fds [PID...] registers a name with each kind of fd that is no pidfd of a container; prints KIND and the error
  half COUNT        COUNT connections at once, each with half of a message; says how many, and waits for a line on stdin
  flood COUNT       COUNT connections, one after the other, each with fds without end and no whole message
  many COUNT        COUNT connections, one after the other, none of which says anything; how many the daemon has left open
"""
import array
import errno
import os
import re
import select
import socket
import struct
import sys
import tempfile
import time

PATH = os.environ.get('UPCALLD_SOCKET', '/run/upcalld/control')
HELLO = b'\0AUTH EXTERNAL %s\r\nNEGOTIATE_UNIX_FD\r\nBEGIN\r\n' % str(os.getuid()).encode().hex().encode()
# a call of 100000 bytes that announces fields
HALF = struct.pack('<BBBBIII', ord('l'), 1, 0, 1, 100000, 1, 64)


def pad(data, size):
    return data + b'\0' * (-len(data) % size)


def string(text):
    return struct.pack('<I', len(text)) + text.encode() + b'\0'


def message(method, signature='', body=b'', fds=0):
    fields = b''
    for code, kind, value in ((1, 'o', '/org/upcalld'), (2, 's', 'org.upcalld.Manager1'), (3, 's', method)):
        fields = pad(fields, 8) + struct.pack('<BB', code, 1) + kind.encode() + b'\0' + string(value)
    if signature:
        fields = pad(fields, 8) + b'\x08\x01g\0' + struct.pack('<B', len(signature)) + signature.encode() + b'\0'
    if fds:
        fields = pad(fields, 8) + b'\x09\x01u\0' + struct.pack('<I', fds)
    head = struct.pack('<BBBBII', ord('l'), 1, 0, 1, len(body), 1)
    return pad(head + struct.pack('<I', len(fields)) + fields, 8) + body


def connect(hello=HELLO):
    sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    sock.settimeout(20)
    sock.connect(PATH)
    if hello:
        sock.sendall(hello)
    return sock


def send_fds(sock, data, fds):
    return sock.sendmsg([data], [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array('i', fds))])


def answer(sock):
    """Of the one call that was made; the authentication's lines come first."""
    data = b''
    while True:
        try:
            piece = sock.recv(65536)
        except (ConnectionError, socket.timeout) as error:
            return type(error).__name__
        data += piece
        if not piece:
            return 'closed'
        # the message begins behind the second line
        if data.count(b'\r\n') >= 2:
            rest = data.split(b'\r\n', 2)[2]
            if len(rest) >= 16:
                body, _, fields = struct.unpack('<III', rest[4:16])
                if len(rest) >= 16 + -(-fields // 8) * 8 + body:
                    break
    name = re.search(rb'org\.(?:upcalld|freedesktop\.DBus)\.Error\.(\w+)', data)
    return name.group(1).decode() if name else 'answered'


def verb_call(method):
    sock = connect()
    sock.sendall(message(method))
    print(answer(sock))


def kinds(pids=()):
    pipe = os.pipe()
    yield 'file', os.open('/etc/passwd', os.O_RDONLY)
    yield 'directory', os.open('/', os.O_RDONLY)
    yield 'path', os.open('/', os.O_PATH)
    yield 'null', os.open('/dev/null', os.O_RDWR)
    yield 'pipe', pipe[0]
    yield 'socket', socket.socket().detach()
    yield 'itself', connect('').detach()
    yield 'listener', socket.socket(socket.AF_UNIX).detach()
    yield 'memory', os.memfd_create('x')
    yield 'unlinked', tempfile.TemporaryFile().fileno()
    yield 'epoll', select.epoll().fileno()
    yield 'procfs', os.open('/proc/self/status', os.O_RDONLY)
    yield 'procdir', os.open('/proc/self', os.O_RDONLY)
    for kind in 'pid', 'mnt', 'net', 'user', 'cgroup':
        # a user's own are the host's, too
        yield 'host-' + kind, os.open('/proc/self/ns/' + kind, os.O_RDONLY)
    for pid in pids:
        yield 'other-pid', os.open('/proc/%s/ns/pid' % pid, os.O_RDONLY)
        yield 'other-user', os.open('/proc/%s/ns/user' % pid, os.O_RDONLY)
        yield 'other-cgroup', os.open('/sys/fs/cgroup' + open('/proc/%s/cgroup' % pid).read().split('::')[1].strip(), os.O_RDONLY)


def register(name, fds, index=0):
    body = pad(string(name), 4) + struct.pack('<II', index, 0)
    sock = connect()
    data = message('Register', 'sha{sv}', pad(body, 8), len(fds))
    if fds:
        # the authentication has to be over: fds belong to the bytes that they come with
        sock.recv(4096)
        send_fds(sock, data, fds)
        return answer_late(sock)
    sock.sendall(data)
    return answer(sock)


def answer_late(sock):
    """The same, where lines of the authentication may have been read."""
    data = b''
    while b'Error.' not in data and b'leader' not in data:
        try:
            piece = sock.recv(65536)
        except (ConnectionError, socket.timeout) as error:
            return type(error).__name__
        if not piece:
            return 'closed'
        data += piece
    name = re.search(rb'org\.(?:upcalld|freedesktop\.DBus)\.Error\.(\w+)', data)
    return name.group(1).decode() if name else 'answered'


def verb_wrong_fds(*pids):
    for kind, fd in kinds(pids):
        print(kind, register('wrong', [fd]))
    print('none', register('wrong', []))
    print('index', register('wrong', [os.open('/dev/null', os.O_RDONLY)], 7))
    print('two', register('wrong', [os.open('/dev/null', os.O_RDONLY)] * 2, 1))


def half_message(size):
    sock = connect()
    sock.sendall(HALF[:1 + size % len(HALF)])
    return sock


def verb_half(count):
    """Who comes before his former connections have been closed has too many, and is sent away."""
    deadline = time.monotonic() + 20
    socks = []
    while len(socks) < int(count):
        try:
            socks.append(half_message(len(socks)))
        except (BrokenPipeError, ConnectionResetError):
            if time.monotonic() > deadline:
                raise
            time.sleep(0.05)
    print(len(socks), flush=True)
    # for each line a descriptor more, behind half a message
    for number, _ in enumerate(sys.stdin):
        send_fds(socks[0], HALF[1 + number:2 + number], [0])


def send_until_closed(sock, fds):
    """The kernel bounds what is under way, too (ETOOMANYREFS): that is not the daemon's doing."""
    deadline = time.monotonic() + 20
    while True:
        try:
            send_fds(sock, b'\0', fds)
        except OSError as error:
            if error.errno != errno.ETOOMANYREFS or time.monotonic() > deadline:
                raise
            time.sleep(0.01)


def verb_flood(count):
    fds = [fd for _, fd in kinds()]
    fds = (fds * 253)[:253]
    for _ in range(int(count)):
        sock = connect()
        sock.recv(4096)
        try:
            sock.sendall(HALF)
            send_until_closed(sock, fds)
        except (ConnectionError, socket.timeout) as error:
            print(type(error).__name__)
        except OSError as error:
            print(error.strerror)


def drop_closed(kept, seconds):
    for sock in select.select(kept, [], [], seconds)[0]:
        kept.remove(sock)
        sock.close()


def verb_many(count):
    """Nobody closes one but the daemon. It keeps 16 of a user at most."""
    kept = []
    for _ in range(int(count)):
        kept.append(connect(b''))
        if len(kept) >= 500:
            drop_closed(kept, 20)
    deadline = time.monotonic() + 20
    while len(kept) > 16 and time.monotonic() < deadline:
        drop_closed(kept, 1)
    print('still open:', len(kept))


if __name__ == '__main__':
    globals()['verb_' + sys.argv[1].replace('-', '_')](*sys.argv[2:])
