/*
 * An echo server on libuv, written as its documentation shows it: an outside check of our epoll
 * backend in `outcry verify`.
 *
 * It does what the others do, in libuv's words: TCP_NODELAY and congestion control reno, every
 * piece that is read is written back with uv_try_write, which sends at once, and what the socket
 * does not take is queued with uv_write. Listens on 127.0.0.1 or where --listen HOST:PORT says
 * ([HOST] for IPv6) and says "listening on HOST:PORT" on stderr.
 */
#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <uv.h>

#define PIECE_BYTES 65536
#define BACKLOG     4096

/* What the socket did not take at once. */
struct rest {
    uv_write_t request;
    char bytes[];
};

static char piece[PIECE_BYTES]; /* read and written back before the next read: one is enough */

static void die(const char *what, int error)
{
    fprintf(stderr, "libuv echo: %s: %s\n", what, uv_strerror(error));
    exit(1);
}

static void on_allocate(uv_handle_t *handle, size_t suggested, uv_buf_t *buffer)
{
    (void)handle;
    (void)suggested;
    *buffer = uv_buf_init(piece, PIECE_BYTES);
}

static void on_closed(uv_handle_t *handle)
{
    free(handle);
}

static void on_written(uv_write_t *request, int status)
{
    (void)status;
    free(request);
}

static void on_read(uv_stream_t *stream, ssize_t size, const uv_buf_t *buffer)
{
    uv_buf_t out;
    struct rest *rest;
    int sent;

    if (size < 0) {
        uv_close((uv_handle_t *)stream, on_closed);
        return;
    }
    out = uv_buf_init(buffer->base, (unsigned)size);
    sent = uv_try_write(stream, &out, 1);
    if (sent == size || (sent < 0 && sent != UV_EAGAIN)) {
        return;
    }
    sent = sent < 0 ? 0 : sent;
    rest = malloc(sizeof(*rest) + (size_t)(size - sent));
    if (rest == NULL) {
        die("writing", UV_ENOMEM);
    }
    memcpy(rest->bytes, buffer->base + sent, (size_t)(size - sent));
    out = uv_buf_init(rest->bytes, (unsigned)(size - sent));
    if (uv_write(&rest->request, stream, &out, 1, on_written) < 0) {
        free(rest);
    }
}

static void on_connection(uv_stream_t *listener, int status)
{
    uv_tcp_t *tcp = malloc(sizeof(*tcp));

    if (status < 0 || tcp == NULL) {
        die("accepting", status < 0 ? status : UV_ENOMEM);
    }
    uv_tcp_init(listener->loop, tcp);
    if (uv_accept(listener, (uv_stream_t *)tcp) < 0) {
        uv_close((uv_handle_t *)tcp, on_closed);
        return;
    }
    uv_tcp_nodelay(tcp, 1);
    uv_read_start((uv_stream_t *)tcp, on_allocate, on_read);
}

/* "HOST:PORT" or "[HOST]:PORT". */
static int read_address(const char *text, struct sockaddr_storage *address)
{
    const bool is_ip6 = text[0] == '[';
    const char *begin = text + is_ip6;
    const char *end = strrchr(text, ':');
    char host[INET6_ADDRSTRLEN];
    int size;
    int port;

    if (end == NULL || end - begin < 1 + is_ip6 || (is_ip6 && end[-1] != ']')) {
        return UV_EINVAL;
    }
    port = (int)strtol(end + 1, NULL, 10);
    size = (int)(end - begin) - is_ip6;
    if (snprintf(host, sizeof(host), "%.*s", size, begin) >= (int)sizeof(host)) {
        return UV_EINVAL;
    }
    return is_ip6 ? uv_ip6_addr(host, port, (struct sockaddr_in6 *)address)
                  : uv_ip4_addr(host, port, (struct sockaddr_in *)address);
}

static void say_address(const uv_tcp_t *listener)
{
    struct sockaddr_storage address;
    int size = sizeof(address);
    char host[INET6_ADDRSTRLEN] = "";
    bool is_ip6;
    unsigned port;

    uv_tcp_getsockname(listener, (struct sockaddr *)&address, &size);
    is_ip6 = address.ss_family == AF_INET6;
    if (is_ip6) {
        uv_ip6_name((const struct sockaddr_in6 *)&address, host, sizeof(host));
        port = ntohs(((const struct sockaddr_in6 *)&address)->sin6_port);
    } else {
        uv_ip4_name((const struct sockaddr_in *)&address, host, sizeof(host));
        port = ntohs(((const struct sockaddr_in *)&address)->sin_port);
    }
    fprintf(stderr, "listening on %s%s%s:%u\n", is_ip6 ? "[" : "", host, is_ip6 ? "]" : "", port);
}

int main(int argc, char **argv)
{
    uv_loop_t *loop = uv_default_loop();
    uv_tcp_t listener;
    struct sockaddr_storage address;
    const char *listen = "127.0.0.1:0";
    uv_os_fd_t fd;
    int rc;

    if (argc > 1 && strcmp(argv[1], "--version") == 0) {
        printf("libuv %s\n", uv_version_string());
        return 0;
    }
    if (argc == 3 && strcmp(argv[1], "--listen") == 0) {
        listen = argv[2];
    } else if (argc > 1) {
        fprintf(stderr, "usage: %s [--version | --listen HOST:PORT]\n", argv[0]);
        return 2;
    }
    rc = read_address(listen, &address);
    if (rc < 0) {
        die(listen, rc);
    }
    signal(SIGPIPE, SIG_IGN);
    uv_tcp_init_ex(loop, &listener, address.ss_family);
    rc = uv_tcp_bind(&listener, (const struct sockaddr *)&address, 0);
    if (rc < 0) {
        die("binding", rc);
    }
    rc = uv_fileno((const uv_handle_t *)&listener, &fd);
    if (rc < 0 || setsockopt(fd, IPPROTO_TCP, TCP_CONGESTION, "reno", 4) < 0) {
        die("TCP_CONGESTION reno", rc < 0 ? rc : UV_EINVAL);
    }
    rc = uv_listen((uv_stream_t *)&listener, BACKLOG, on_connection);
    if (rc < 0) {
        die("listening", rc);
    }
    say_address(&listener);
    return uv_run(loop, UV_RUN_DEFAULT);
}
