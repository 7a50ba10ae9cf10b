/*
 * Servers on another host: the table's functions as questions to its agent.
 */
#include "verify/remote.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <math.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define CONNECT_MS 5000
/* Above what the agent takes at most itself: see child.h, and stacks that do not tell a version. */
#define HELLO_NS 20000000000ULL
#define START_NS 16000000000ULL
#define STOP_NS  10000000000ULL
#define ASK_NS   5000000000ULL

static int start(struct oc_verify__host *host, const struct oc_verify__server *server,
                 struct oc_io_address *address, char why[OC_VERIFY__WHY_BYTES]);
static bool stop(struct oc_verify__host *host, struct oc_verify_counters *last);
static bool counters(struct oc_verify__host *host, struct oc_verify_counters *counters);
static void meters(struct oc_verify__host *host, enum oc_verify__border border,
                   struct oc_verify__meters *meters);
static void footprint(struct oc_verify__host *host, struct oc_verify__footprint *footprint);
static uint64_t drops(struct oc_verify__host *host);
static int calls_begin(struct oc_verify__host *host);
static uint64_t calls_end(struct oc_verify__host *host);
static int connect_to(const struct oc_io_address *address);
static json_t *ask(struct oc_verify__remote *remote, json_t *request, uint64_t timeout_ns);
static bool read_counters(const json_t *reply, struct oc_verify_counters *counters);
static void lose(struct oc_verify__remote *remote, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
static struct oc_verify__remote *remote_of(struct oc_verify__host *host);

static const struct oc_verify__host_ops OPS = {
    .start = start,
    .stop = stop,
    .counters = counters,
    .meters = meters,
    .footprint = footprint,
    .drops = drops,
    .calls_begin = calls_begin,
    .calls_end = calls_end,
};

int oc_verify__remote_open(struct oc_verify__remote *remote, const char *address,
                           struct oc_verify__hello *hello, char *error, size_t error_size)
{
    char problem[OC_IO_SOCKET_ERROR_BYTES];
    uint64_t protocol = 0;
    json_t *reply;
    int fd;

    *remote = (struct oc_verify__remote){.host = {.ops = &OPS}, .control = {.fd = -1}};
    if (oc_io_address_parse(address, &remote->address, problem) < 0) {
        (void)snprintf(error, error_size, "--on: %s", problem);
        return -EINVAL;
    }
    (void)oc_io_address_text(&remote->address, remote->name, sizeof(remote->name));
    fd = connect_to(&remote->address);
    if (fd < 0) {
        (void)snprintf(error, error_size,
                       "no agent answers at %s: %s; start `outcry verify --agent --listen %s` "
                       "there",
                       remote->name, strerror(-fd), remote->name);
        return -1;
    }
    oc_verify__control_init(&remote->control, fd);
    reply = ask(remote,
                json_pack("{s:s, s:i}", "do", "hello", "protocol", OC_VERIFY__CONTROL_PROTOCOL),
                HELLO_NS);
    if (reply != NULL &&
        (!oc_verify__control_number(reply, "protocol", INT64_MAX, &protocol) ||
         protocol != OC_VERIFY__CONTROL_PROTOCOL || !oc_verify__hello_read(reply, hello))) {
        lose(remote, "does not describe its host as this program expects: another version?");
    }
    json_decref(reply);
    (void)snprintf(error, error_size, "%s", remote->host.lost);
    return remote->host.lost[0] == '\0' ? 0 : -1;
}

void oc_verify__remote_end(struct oc_verify__remote *remote,
                           struct oc_verify_environment *environment)
{
    json_t *reply = ask(remote, json_pack("{s:s}", "do", "end"), ASK_NS);

    (void)oc_verify__hello_end_read(reply, environment);
    json_decref(reply);
}

void oc_verify__remote_close(struct oc_verify__remote *remote)
{
    if (remote->host.ops != NULL) {
        oc_verify__control_close(&remote->control);
    }
}

/* The agent tells the port only: it is reached at the address that is known here. */
static int start(struct oc_verify__host *host, const struct oc_verify__server *server,
                 struct oc_io_address *address, char why[OC_VERIFY__WHY_BYTES])
{
    struct oc_verify__remote *remote = remote_of(host);
    uint64_t port = 0;
    json_t *reply = ask(remote,
                        json_pack("{s:s, s:s, s:b, s:I, s:I, s:I}", "do", "start", "stack",
                                  oc_verify_stack_name(server->stack), "echo", server->echo, "size",
                                  (json_int_t)server->size, "busy_poll_ns",
                                  (json_int_t)server->busy_poll_ns, "altered_delay_ns",
                                  (json_int_t)server->altered_delay_ns),
                        START_NS);
    uint16_t network_port;

    (void)snprintf(why, OC_VERIFY__WHY_BYTES, "%.127s", remote->host.lost);
    if (reply != NULL && !json_is_true(json_object_get(reply, "ok"))) {
        (void)oc_verify__control_text(reply, "why", why, OC_VERIFY__WHY_BYTES);
    } else if (reply != NULL && !oc_verify__control_number(reply, "port", UINT16_MAX, &port)) {
        lose(remote, "answered without a port");
        (void)snprintf(why, OC_VERIFY__WHY_BYTES, "%.127s", remote->host.lost);
    }
    json_decref(reply);
    if (port == 0) {
        return -1;
    }
    *address = remote->address;
    network_port = htons((uint16_t)port);
    if (address->storage.ss_family == AF_INET6) {
        ((struct sockaddr_in6 *)&address->storage)->sin6_port = network_port;
    } else {
        ((struct sockaddr_in *)&address->storage)->sin_port = network_port;
    }
    return 0;
}

static bool stop(struct oc_verify__host *host, struct oc_verify_counters *last)
{
    json_t *reply = ask(remote_of(host), json_pack("{s:s}", "do", "stop"), STOP_NS);
    bool found = read_counters(reply, last);

    json_decref(reply);
    return found;
}

static bool counters(struct oc_verify__host *host, struct oc_verify_counters *counters)
{
    json_t *reply = ask(remote_of(host), json_pack("{s:s}", "do", "counters"), ASK_NS);
    bool found = read_counters(reply, counters);

    json_decref(reply);
    return found;
}

/* The way to the agent and back lies outside of what this host's clock measures. */
static void meters(struct oc_verify__host *host, enum oc_verify__border border,
                   struct oc_verify__meters *meters)
{
    struct oc_verify__remote *remote = remote_of(host);
    struct oc_verify__meters here = {0};
    json_t *reply;

    *meters = (struct oc_verify__meters){0};
    if (border == OC_VERIFY__BORDER_END) {
        oc_verify__meters_read(getpid(), &here);
    }
    reply = ask(remote, json_pack("{s:s}", "do", "meters"), ASK_NS);
    if (reply != NULL &&
        (!oc_verify__control_number(reply, "server_cpu_ns", INT64_MAX, &meters->server_cpu_ns) ||
         !oc_verify__control_number(reply, "machine_ns", INT64_MAX, &meters->machine_ns) ||
         !oc_verify__control_number(reply, "idle_ns", INT64_MAX, &meters->idle_ns) ||
         !oc_verify__control_number(reply, "steal_ns", INT64_MAX, &meters->steal_ns) ||
         !oc_verify__control_number(reply, "switches", INT64_MAX, &meters->switches))) {
        lose(remote, "answered without its meters");
    }
    json_decref(reply);
    if (border == OC_VERIFY__BORDER_BEGIN) {
        oc_verify__meters_read(getpid(), &here);
    }
    meters->now_ns = here.now_ns;
    meters->client_cpu_ns = here.client_cpu_ns;
    meters->here_machine_ns = here.here_machine_ns;
    meters->here_steal_ns = here.here_steal_ns;
}

static void footprint(struct oc_verify__host *host, struct oc_verify__footprint *footprint)
{
    struct oc_verify__remote *remote = remote_of(host);
    json_t *reply = ask(remote, json_pack("{s:s}", "do", "footprint"), ASK_NS);
    uint64_t descriptors = 0;

    *footprint = (struct oc_verify__footprint){0};
    if (reply != NULL &&
        (!oc_verify__control_number(reply, "resident_bytes", INT64_MAX,
                                    &footprint->resident_bytes) ||
         !oc_verify__control_number(reply, "descriptors", UINT32_MAX, &descriptors))) {
        lose(remote, "answered without its server's footprint");
    }
    footprint->descriptors = (uint32_t)descriptors;
    json_decref(reply);
}

static uint64_t drops(struct oc_verify__host *host)
{
    struct oc_verify__remote *remote = remote_of(host);
    json_t *reply = ask(remote, json_pack("{s:s}", "do", "drops"), ASK_NS);

    if (reply != NULL && !oc_verify__control_number(reply, "drops", INT64_MAX, &remote->drops)) {
        lose(remote, "answered without its drops");
    }
    json_decref(reply);
    return remote->drops;
}

static int calls_begin(struct oc_verify__host *host)
{
    json_t *reply = ask(remote_of(host), json_pack("{s:s}", "do", "calls_begin"), ASK_NS);
    bool good = json_is_true(json_object_get(reply, "ok"));
    uint64_t error = ENOTCONN;

    if (reply != NULL && !oc_verify__control_number(reply, "error", 4095, &error)) {
        error = EPROTO;
    }
    json_decref(reply);
    return good ? 0 : -(int)(error != 0 ? error : EPROTO);
}

static uint64_t calls_end(struct oc_verify__host *host)
{
    json_t *reply = ask(remote_of(host), json_pack("{s:s}", "do", "calls_end"), ASK_NS);
    uint64_t calls = 0;

    (void)oc_verify__control_number(reply, "calls", INT64_MAX, &calls);
    json_decref(reply);
    return calls;
}

static int connect_to(const struct oc_io_address *address)
{
    int fd = socket(address->storage.ss_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    struct pollfd wanted = {.fd = fd, .events = POLLOUT};
    socklen_t size = sizeof(int);
    int error = 0;

    if (fd < 0) {
        return -errno;
    }
    if (connect(fd, (const struct sockaddr *)&address->storage, address->size) < 0) {
        error = errno;
    }
    if (error == EINPROGRESS) {
        if (poll(&wanted, 1, CONNECT_MS) != 1) {
            error = ETIMEDOUT;
        } else if (getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &size) < 0) {
            error = errno;
        }
    }
    if (error != 0) {
        (void)close(fd);
        return -error;
    }
    return fd;
}

/* A reply that says "ok": false is one too. NULL: the agent is lost. */
static json_t *ask(struct oc_verify__remote *remote, json_t *request, uint64_t timeout_ns)
{
    char why[OC_VERIFY__WHY_BYTES];
    json_t *reply;
    int rc;

    if (remote->host.lost[0] != '\0') {
        json_decref(request);
        return NULL;
    }
    rc = oc_verify__control_send(&remote->control, request);
    if (rc < 0) {
        lose(remote, "does not take requests: %s", strerror(-rc));
        return NULL;
    }
    reply = oc_verify__control_receive(&remote->control, timeout_ns, why, sizeof(why));
    if (reply == NULL) {
        lose(remote, "%s", why);
        return NULL;
    }
    if (json_is_true(json_object_get(reply, "refused"))) {
        (void)oc_verify__control_text(reply, "why", why, sizeof(why));
        lose(remote, "refuses: %s", why);
        json_decref(reply);
        return NULL;
    }
    return reply;
}

static bool read_counters(const json_t *reply, struct oc_verify_counters *counters)
{
    struct oc_verify_counters found = {0};

    if (!oc_verify__control_number(reply, "system_calls", INT64_MAX, &found.system_calls) ||
        !oc_verify__control_number(reply, "polls", INT64_MAX, &found.polls) ||
        !oc_verify__control_number(reply, "received", INT64_MAX, &found.received)) {
        return false;
    }
    *counters = found;
    return true;
}

/* The first reason counts. The connection is of no use then: the agent ends its server. */
static void lose(struct oc_verify__remote *remote, const char *format, ...)
{
    char what[OC_VERIFY__WHY_BYTES];
    va_list arguments;

    if (remote->host.lost[0] == '\0') {
        va_start(arguments, format);
        (void)vsnprintf(what, sizeof(what), format, arguments);
        va_end(arguments);
        (void)snprintf(remote->host.lost, sizeof(remote->host.lost), "the agent at %s %s",
                       remote->name, what);
    }
    oc_verify__control_close(&remote->control);
}

static struct oc_verify__remote *remote_of(struct oc_verify__host *host)
{
    return (struct oc_verify__remote *)host;
}
