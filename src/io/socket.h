/*
 * Addresses and listening sockets: what happens before a backend takes over.
 *
 * Everything that accepted connections should have is set on the listener, whose settings they
 * inherit: no system call for each connection. Nothing here is on the hot path; names are resolved
 * with getaddrinfo, which may block.
 */
#ifndef OC_IO_SOCKET_H
#define OC_IO_SOCKET_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/socket.h>

/** Long enough for "[IPv6 address with scope]:65535" and the final zero. */
#define OC_IO_ADDRESS_TEXT_BYTES 80U
/** Long enough for every error text of this file. */
#define OC_IO_SOCKET_ERROR_BYTES 320U

struct oc_io_address {
    struct sockaddr_storage storage;
    socklen_t size;
};

struct oc_io_listen_options {
    int backlog;            /* 1 to 65535; 0: 1024. The kernel caps it at net.core.somaxconn */
    const char *congestion; /* TCP congestion control of accepted connections; NULL: the system's */
};

/**
 * Reads "HOST:PORT": a name, an IPv4 address or an IPv6 address in brackets, and 0 to 65535. Of a
 * name's addresses the first counts, as the system orders them.
 * Returns 0, or -EINVAL with a sentence in `error` that names the text and says what would be
 * right.
 */
int oc_io_address_parse(const char *text, struct oc_io_address *address,
                        char error[OC_IO_SOCKET_ERROR_BYTES]);

/**
 * Whether the text is HOST:PORT at all; the host is not resolved. Returns 0, or -EINVAL with the
 * sentence of oc_io_address_parse().
 */
int oc_io_address_check(const char *text, char error[OC_IO_SOCKET_ERROR_BYTES]);

/** Writes "127.0.0.1:5000", "[::1]:5000" or "unix". Returns 0 or -ENOSPC. */
int oc_io_address_text(const struct oc_io_address *address, char *text, size_t size);

/** Whether only this machine can reach it: 127.0.0.0/8, ::1, or IPv4 loopback mapped into IPv6. */
bool oc_io_address_is_loopback(const struct oc_io_address *address);

/**
 * Opens a listening socket: non-blocking, close-on-exec, SO_REUSEADDR, TCP_NODELAY. A port that is
 * taken is asked for again for a second: a process that was killed leaves its listener to its ring,
 * which the kernel takes down later.
 *
 * @bound  out: the address it really has, with the port that was picked for port 0.
 * Returns the descriptor, which is the caller's, or -errno with a sentence in `error` that says
 * what failed, why and what to do.
 */
int oc_io_listen_open(const struct oc_io_address *address,
                      const struct oc_io_listen_options *options, struct oc_io_address *bound,
                      char error[OC_IO_SOCKET_ERROR_BYTES]);

#endif
