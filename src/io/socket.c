/*
 * Addresses and listening sockets: see socket.h.
 */
#include "io/socket.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define BACKLOG_DEFAULT 1024
#define HOST_BYTES_MAX  255U
/* The listener of a process that was killed lives until the kernel has taken its ring down: bind
 * is tried again this often. */
#define BIND_TRIES    100U
#define BIND_DELAY_NS 10000000L

static int read_host_port(const char *text, char host[HOST_BYTES_MAX + 1], const char **port,
                          char *error);
static int host_port_split(const char *text, char host[HOST_BYTES_MAX + 1], const char **port);
static int listener_set(int fd, const struct oc_io_listen_options *options, char *error);
static int bind_and_listen(int fd, const struct oc_io_address *address, int backlog);
static bool has_port(const struct oc_io_address *address);
static int bind_failed(const struct oc_io_address *address, int rc, char *error);

int oc_io_address_parse(const char *text, struct oc_io_address *address,
                        char error[OC_IO_SOCKET_ERROR_BYTES])
{
    struct addrinfo hints = {.ai_family = AF_UNSPEC, .ai_socktype = SOCK_STREAM};
    struct addrinfo *found = NULL;
    char host[HOST_BYTES_MAX + 1];
    const char *port = NULL;

    if (read_host_port(text, host, &port, error) < 0) {
        return -EINVAL;
    }
    hints.ai_flags = AI_NUMERICSERV;
    int rc = getaddrinfo(host, port, &hints, &found);
    if (rc != 0) {
        snprintf(error, OC_IO_SOCKET_ERROR_BYTES,
                 "the host of '%.100s' cannot be resolved: %s. Write its address instead", text,
                 gai_strerror(rc));
        return -EINVAL;
    }
    memset(address, 0, sizeof(*address));
    memcpy(&address->storage, found->ai_addr, found->ai_addrlen);
    address->size = found->ai_addrlen;
    freeaddrinfo(found);
    return 0;
}

int oc_io_address_check(const char *text, char error[OC_IO_SOCKET_ERROR_BYTES])
{
    char host[HOST_BYTES_MAX + 1];
    const char *port = NULL;
    return read_host_port(text, host, &port, error);
}

int oc_io_address_text(const struct oc_io_address *address, char *text, size_t size)
{
    char host[INET6_ADDRSTRLEN];
    int length;

    if (address->storage.ss_family == AF_INET) {
        struct sockaddr_in in;
        memcpy(&in, &address->storage, sizeof(in));
        inet_ntop(AF_INET, &in.sin_addr, host, sizeof(host));
        length = snprintf(text, size, "%s:%u", host, ntohs(in.sin_port));
    } else if (address->storage.ss_family == AF_INET6) {
        struct sockaddr_in6 in6;
        memcpy(&in6, &address->storage, sizeof(in6));
        inet_ntop(AF_INET6, &in6.sin6_addr, host, sizeof(host));
        length = snprintf(text, size, "[%s]:%u", host, ntohs(in6.sin6_port));
    } else {
        length = snprintf(text, size, "unix");
    }
    return length >= 0 && (size_t)length < size ? 0 : -ENOSPC;
}

bool oc_io_address_is_loopback(const struct oc_io_address *address)
{
    if (address->storage.ss_family == AF_INET) {
        struct sockaddr_in in;
        memcpy(&in, &address->storage, sizeof(in));
        return (ntohl(in.sin_addr.s_addr) >> 24) == IN_LOOPBACKNET;
    }
    if (address->storage.ss_family == AF_INET6) {
        struct sockaddr_in6 in6;
        memcpy(&in6, &address->storage, sizeof(in6));
        return IN6_IS_ADDR_LOOPBACK(&in6.sin6_addr) ||
               (IN6_IS_ADDR_V4MAPPED(&in6.sin6_addr) &&
                in6.sin6_addr.s6_addr[12] == IN_LOOPBACKNET);
    }
    return false;
}

int oc_io_listen_open(const struct oc_io_address *address,
                      const struct oc_io_listen_options *options, struct oc_io_address *bound,
                      char error[OC_IO_SOCKET_ERROR_BYTES])
{
    int backlog = options->backlog > 0 ? options->backlog : BACKLOG_DEFAULT;
    int fd = socket(address->storage.ss_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK,
                    IPPROTO_TCP);

    if (fd < 0) {
        int rc = -errno;
        snprintf(error, OC_IO_SOCKET_ERROR_BYTES, "no socket: %s%s", strerror(-rc),
                 rc == -EMFILE ? ". Raise the limit of descriptors (ulimit -n)" : "");
        return rc;
    }
    int rc = listener_set(fd, options, error);
    if (rc < 0) {
        goto fail_close;
    }
    rc = bind_and_listen(fd, address, backlog);
    if (rc < 0) {
        rc = bind_failed(address, rc, error);
        goto fail_close;
    }
    *bound = (struct oc_io_address){.size = sizeof(bound->storage)};
    if (getsockname(fd, (struct sockaddr *)&bound->storage, &bound->size) < 0) {
        rc = -errno;
        snprintf(error, OC_IO_SOCKET_ERROR_BYTES, "getsockname: %s", strerror(-rc));
        goto fail_close;
    }
    return fd;

fail_close:
    close(fd);
    return rc;
}

/** Returns 0 or -EINVAL with the error text. The port points into the text. */
static int read_host_port(const char *text, char host[HOST_BYTES_MAX + 1], const char **port,
                          char *error)
{
    int rc = host_port_split(text, host, port);
    if (rc < 0) {
        snprintf(error, OC_IO_SOCKET_ERROR_BYTES,
                 "'%.100s' is no HOST:PORT: write for instance 127.0.0.1:9000, [::1]:9000 or "
                 "localhost:9000, with a port from 0 to 65535",
                 text);
    }
    return rc;
}

/** Returns 0 or -EINVAL. The port points into the text. */
static int host_port_split(const char *text, char host[HOST_BYTES_MAX + 1], const char **port)
{
    const char *colon = strrchr(text, ':');
    const char *from = text;
    const char *to = colon;

    if (colon == NULL || colon == text) {
        return -EINVAL;
    }
    if (*text == '[') {
        from = text + 1;
        to = colon - 1;
        if (to <= from || *to != ']') {
            return -EINVAL;
        }
    } else if (memchr(text, ':', (size_t)(colon - text)) != NULL) {
        /* An IPv6 address without brackets: where it ends and the port begins is anyone's guess. */
        return -EINVAL;
    }
    size_t size = (size_t)(to - from);
    if (size > HOST_BYTES_MAX) {
        return -EINVAL;
    }
    memcpy(host, from, size);
    host[size] = '\0';

    unsigned value = 0;
    size_t digits = strspn(colon + 1, "0123456789");
    if (digits == 0 || digits > 5 || colon[1 + digits] != '\0') {
        return -EINVAL;
    }
    for (size_t i = 0; i < digits; i++) {
        value = value * 10 + (unsigned)(colon[1 + i] - '0');
    }
    *port = colon + 1;
    return value <= 65535 ? 0 : -EINVAL;
}

/** What accepted connections inherit. Returns 0 or -errno with the error text. */
static int listener_set(int fd, const struct oc_io_listen_options *options, char *error)
{
    const int one = 1;

    if (setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one)) < 0 ||
        setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one)) < 0) {
        int rc = -errno;
        snprintf(error, OC_IO_SOCKET_ERROR_BYTES, "setsockopt: %s", strerror(-rc));
        return rc;
    }
    if (options->congestion != NULL &&
        setsockopt(fd, IPPROTO_TCP, TCP_CONGESTION, options->congestion,
                   (socklen_t)strlen(options->congestion)) < 0) {
        int rc = -errno;
        snprintf(error, OC_IO_SOCKET_ERROR_BYTES,
                 "TCP congestion control '%.32s': %s. The kernel offers those in "
                 "/proc/sys/net/ipv4/tcp_available_congestion_control",
                 options->congestion, strerror(-rc));
        return rc;
    }
    return 0;
}

/** Both again for a while, if the port is taken. Returns 0 or -errno. */
static int bind_and_listen(int fd, const struct oc_io_address *address, int backlog)
{
    const struct timespec delay = {.tv_nsec = BIND_DELAY_NS};
    bool is_bound = false;
    int rc = 0;

    for (unsigned tries = 0; tries < BIND_TRIES; tries++) {
        is_bound = is_bound ||
                   bind(fd, (const struct sockaddr *)&address->storage, address->size) == 0;
        /* Two sockets with SO_REUSEADDR may bind to one port; only one of them may listen. */
        if (is_bound && listen(fd, backlog) == 0) {
            return 0;
        }
        rc = -errno;
        if (rc != -EADDRINUSE || !has_port(address)) {
            break;
        }
        (void)nanosleep(&delay, NULL);
    }
    return rc;
}

/** Whether a certain port is wanted, and not any that is free. */
static bool has_port(const struct oc_io_address *address)
{
    struct sockaddr_in in; /* IPv6 has its port at the same place */

    memcpy(&in, &address->storage, sizeof(in));
    return in.sin_port != 0;
}

/** Returns rc with the error text and, where there is one, the mend. */
static int bind_failed(const struct oc_io_address *address, int rc, char *error)
{
    const char *mend = "";
    char text[OC_IO_ADDRESS_TEXT_BYTES];

    if (rc == -EADDRINUSE) {
        mend = " for a second. Another process listens there (ss -ltnp shows which); stop it, "
               "choose another port, or port 0 for a free one";
    } else if (rc == -EACCES) {
        mend =
            ". Ports below net.ipv4.ip_unprivileged_port_start need CAP_NET_BIND_SERVICE; choose "
            "a higher one";
    } else if (rc == -EADDRNOTAVAIL) {
        mend = ". No interface has this address (ip address shows those that exist)";
    }
    if (oc_io_address_text(address, text, sizeof(text)) < 0) {
        text[0] = '\0';
    }
    snprintf(error, OC_IO_SOCKET_ERROR_BYTES, "cannot listen on %s: %s%s", text, strerror(-rc),
             mend);
    return rc;
}
