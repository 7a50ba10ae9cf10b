/*
 * One loop: accept, answer requests from a table, end what was started.
 */
#define _GNU_SOURCE /* accept4 */
#include "verify/agent.h"

#include <errno.h>
#include <inttypes.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "verify/clock.h"
#include "verify/control.h"
#include "verify/hello.h"
#include "verify/local.h"
#include "verify/priority.h"
#include "verify/process.h"

/* A controller computes for a while between runs, but its first request comes at once. */
#define HELLO_NS 5000000000ULL
#define IDLE_NS  300000000000ULL
#define LINE_NS  5000000000ULL
/* How often it looks whether it is to stop. */
#define TURN_MS 200

#define SIZE_MAX_BYTES 65540U
#define DELAY_MAX_NS   1000000000ULL
#define WHY_BYTES      160U

#define STATUS_FAILED 1
#define STATUS_USAGE  2

struct agent {
    const struct oc_verify_agent_config *config;
    int listening;
    struct oc_verify__cpus cpus;
    struct oc_verify__priority priority; /* raised while a verification is served */
    struct oc_verify__stacks stacks;
    struct oc_verify__local local;
    struct oc_verify__hello hello;
    struct oc_verify__control control;
    bool greeted;
    bool running; /* a server */
};

struct request {
    const char *name;
    json_t *(*answer)(struct agent *agent, const json_t *message);
    bool needs_server;
};

static int open_listener(struct agent *agent);
static void serve(struct agent *agent);
static bool await(struct agent *agent, uint64_t deadline_ns);
static bool step(struct agent *agent, char why[WHY_BYTES]);
static bool stopped(const struct agent *agent);
static void turn_away(struct agent *agent);
static json_t *answer_hello(struct agent *agent, const json_t *message);
static json_t *answer_end(struct agent *agent, const json_t *message);
static json_t *answer_start(struct agent *agent, const json_t *message);
static json_t *answer_stop(struct agent *agent, const json_t *message);
static json_t *answer_counters(struct agent *agent, const json_t *message);
static json_t *answer_meters(struct agent *agent, const json_t *message);
static json_t *answer_footprint(struct agent *agent, const json_t *message);
static json_t *answer_drops(struct agent *agent, const json_t *message);
static json_t *answer_calls_begin(struct agent *agent, const json_t *message);
static json_t *answer_calls_end(struct agent *agent, const json_t *message);
static bool read_server(const json_t *message, struct oc_verify__server *server);
static json_t *counters_json(const struct oc_verify_counters *counters);
static json_t *good(void);
static json_t *refusal(const char *why);
static unsigned port_of(const struct oc_io_address *address);
static json_int_t whole(uint64_t value);

static const struct request REQUESTS[] = {
    {"hello", answer_hello, false},
    {"end", answer_end, false},
    {"start", answer_start, false},
    {"stop", answer_stop, false},
    {"counters", answer_counters, true},
    {"meters", answer_meters, true},
    {"footprint", answer_footprint, true},
    {"drops", answer_drops, false},
    {"calls_begin", answer_calls_begin, true},
    {"calls_end", answer_calls_end, true},
};

int oc_verify_agent_run(const struct oc_verify_agent_config *config)
{
    struct agent *agent = calloc(1, sizeof(*agent));
    int status;

    if (agent == NULL) {
        (void)fprintf(stderr, "outcry: no memory\n");
        return STATUS_FAILED;
    }
    agent->config = config;
    agent->control.fd = -1;
    oc_verify__process_raise_files();
    oc_verify__process_cpus(&agent->cpus);
    /* The agent is not to be where servers are, as far as there are two CPUs. */
    oc_verify__process_pin(agent->cpus.client);
    status = open_listener(agent);
    if (status == 0) {
        while (!stopped(agent)) {
            struct pollfd wanted = {.fd = agent->listening, .events = POLLIN};
            if (poll(&wanted, 1, TURN_MS) > 0) {
                serve(agent);
            }
        }
        (void)close(agent->listening);
    }
    free(agent);
    return status;
}

/* Returns the exit status. */
static int open_listener(struct agent *agent)
{
    const struct oc_verify_agent_config *config = agent->config;
    const struct oc_io_listen_options options = {.backlog = 16};
    struct oc_io_address address;
    struct oc_io_address bound;
    char error[OC_IO_SOCKET_ERROR_BYTES];
    char text[OC_IO_ADDRESS_TEXT_BYTES];

    if (oc_io_address_parse(config->listen, &address, error) < 0) {
        (void)fprintf(stderr, "outcry: %s\n", error);
        return STATUS_USAGE;
    }
    if (!oc_io_address_is_loopback(&address) && !config->insecure) {
        (void)fprintf(stderr,
                      "outcry: %s: the control connection is not authenticated, so it is served on "
                      "loopback only; --insecure overrides that\n",
                      config->listen);
        return STATUS_USAGE;
    }
    agent->listening = oc_io_listen_open(&address, &options, &bound, error);
    if (agent->listening < 0) {
        (void)fprintf(stderr, "outcry: %s\n", error);
        return STATUS_FAILED;
    }
    (void)oc_io_address_text(&bound, text, sizeof(text));
    (void)fprintf(stderr,
                  "agent: listening on %s; not authenticated: whoever reaches it can start the "
                  "servers that are measured, and nothing else\n",
                  text);
    return 0;
}

/* One controller, from its connection to its end. */
static void serve(struct agent *agent)
{
    struct oc_io_address peer = {.size = sizeof(peer.storage)};
    struct oc_io_address here = {.size = sizeof(here.storage)};
    int fd = accept4(agent->listening, (struct sockaddr *)&peer.storage, &peer.size,
                     SOCK_CLOEXEC | SOCK_NONBLOCK);
    struct oc_verify_counters last;
    char name[OC_IO_ADDRESS_TEXT_BYTES] = "";
    char why[WHY_BYTES] = "the agent ends";

    if (fd < 0) {
        return;
    }
    (void)oc_io_address_text(&peer, name, sizeof(name));
    (void)fprintf(stderr, "agent: %s: connected\n", name);
    oc_verify__control_init(&agent->control, fd);
    oc_verify__stacks_find(&agent->stacks, agent->config->tokio, agent->config->libuv);
    if (getsockname(fd, (struct sockaddr *)&here.storage, &here.size) == 0) {
        oc_verify__stacks_listen(&agent->stacks, &here);
    }
    oc_verify__local_init(&agent->local, &agent->stacks, agent->cpus.server);
    agent->greeted = false;
    agent->running = false;
    while (!stopped(agent) && step(agent, why)) {
        ;
    }
    if (agent->running) {
        (void)agent->local.host.ops->stop(&agent->local.host, &last);
    }
    oc_verify__priority_restore(&agent->priority);
    oc_verify__control_close(&agent->control);
    (void)fprintf(stderr, "agent: %s: gone: %s\n", name, why);
}

/* Takes one request and answers it. False: the connection is over, and `why`. */
static bool step(struct agent *agent, char why[WHY_BYTES])
{
    const uint64_t patience_ns = agent->greeted ? IDLE_NS : HELLO_NS;
    json_t *message;
    json_t *reply = NULL;
    const char *name;
    int rc;

    if (!await(agent, oc_verify__clock_ns() + patience_ns)) {
        if (!stopped(agent)) {
            (void)snprintf(why, WHY_BYTES, "said nothing for %.0f s", (double)patience_ns / 1e9);
        }
        return false;
    }
    message = oc_verify__control_receive(&agent->control, LINE_NS, why, WHY_BYTES);
    if (message == NULL) {
        return false;
    }
    name = json_string_value(json_object_get(message, "do"));
    for (size_t i = 0; name != NULL && i < sizeof(REQUESTS) / sizeof(REQUESTS[0]); i++) {
        const struct request *request = &REQUESTS[i];
        if (strcmp(request->name, name) == 0) {
            reply = !agent->greeted && request->answer != answer_hello ? refusal("no hello yet")
                    : request->needs_server && !agent->running         ? refusal("no server runs")
                                                               : request->answer(agent, message);
            break;
        }
    }
    json_decref(message);
    rc = oc_verify__control_send(&agent->control,
                                 reply != NULL ? reply : refusal("unknown request"));
    if (rc < 0) {
        (void)snprintf(why, WHY_BYTES, "takes no answers: %s", strerror(-rc));
    }
    return rc == 0;
}

/* False: late, or to stop. Others who come meanwhile are told so. */
static bool await(struct agent *agent, uint64_t deadline_ns)
{
    struct pollfd wanted[] = {{.fd = agent->control.fd, .events = POLLIN},
                              {.fd = agent->listening, .events = POLLIN}};

    while (!oc_verify__control_has_line(&agent->control)) {
        int count = poll(wanted, 2, TURN_MS);
        if (stopped(agent) || (count <= 0 && oc_verify__clock_ns() >= deadline_ns)) {
            return false;
        }
        /* In this order: whoever connects again has closed before, and is not another. */
        if (count > 0 && wanted[0].revents != 0) {
            return true;
        }
        if (count > 0 && wanted[1].revents != 0) {
            turn_away(agent);
        }
    }
    return true;
}

static bool stopped(const struct agent *agent)
{
    return *agent->config->stop != 0;
}

static void turn_away(struct agent *agent)
{
    static const char BUSY[] = "{\"ok\":false,\"refused\":true,"
                               "\"why\":\"another verification is under way\"}\n";
    int fd = accept4(agent->listening, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
    char ignored[256];

    if (fd >= 0) {
        (void)send(fd, BUSY, sizeof(BUSY) - 1, MSG_NOSIGNAL);
        /* What it sent already must not turn the end of the stream into a reset. */
        (void)shutdown(fd, SHUT_WR);
        (void)recv(fd, ignored, sizeof(ignored), 0);
        (void)close(fd);
    }
}

/* The environment is read while nothing is pinned to where the server will be. */
static json_t *answer_hello(struct agent *agent, const json_t *message)
{
    struct oc_verify__hello *hello = &agent->hello;
    uint64_t protocol;

    if (!oc_verify__control_number(message, "protocol", INT64_MAX, &protocol) ||
        protocol != OC_VERIFY__CONTROL_PROTOCOL) {
        return refusal("another version of the control protocol");
    }
    if (agent->running) {
        return refusal("a server runs");
    }
    oc_verify__priority_raise(&agent->priority);
    oc_verify__environment_begin(&hello->environment);
    (void)snprintf(hello->environment.priority, sizeof(hello->environment.priority), "%s",
                   oc_verify__priority_text(&agent->priority));
    /* The agent itself is pinned; its servers are offered what it was offered. */
    hello->environment.cpus_allowed = agent->cpus.allowed;
    oc_verify__calibrate(agent->cpus.server, agent->config->apply_ns, &hello->costs, &hello->split);
    oc_verify__process_pin(agent->cpus.client);
    memcpy(hello->stacks, agent->stacks.status, sizeof(hello->stacks));
    agent->greeted = true;
    return oc_verify__hello_json(hello);
}

static json_t *answer_end(struct agent *agent, const json_t *message)
{
    (void)message;
    oc_verify__environment_end(&agent->hello.environment);
    return oc_verify__hello_end_json(&agent->hello.environment);
}

static json_t *answer_start(struct agent *agent, const json_t *message)
{
    struct oc_verify__host *host = &agent->local.host;
    struct oc_verify__server server;
    struct oc_io_address address;
    char why[OC_VERIFY__WHY_BYTES];

    if (agent->running) {
        return refusal("a server runs already");
    }
    if (!read_server(message, &server)) {
        return refusal("start: a member lacks, or is out of its range");
    }
    if (!agent->stacks.status[server.stack].available) {
        return refusal("this stack is not available here");
    }
    if (host->ops->start(host, &server, &address, why) < 0) {
        oc_verify__make_printable(why);
        return refusal(why);
    }
    agent->running = true;
    return json_pack("{s:b, s:i}", "ok", 1, "port", (int)port_of(&address));
}

/* A known stack and numbers in their ranges: nothing else comes near a command line. */
static bool read_server(const json_t *message, struct oc_verify__server *server)
{
    const json_t *echo = json_object_get(message, "echo");
    uint64_t size;
    char stack[32];

    *server = (struct oc_verify__server){0};
    if (!oc_verify__control_text(message, "stack", stack, sizeof(stack)) ||
        oc_verify_stack_find(stack) == OC_VERIFY_STACK_COUNT || !json_is_boolean(echo) ||
        !oc_verify__control_number(message, "size", SIZE_MAX_BYTES, &size) ||
        !oc_verify__control_number(message, "busy_poll_ns", DELAY_MAX_NS, &server->busy_poll_ns) ||
        !oc_verify__control_number(message, "altered_delay_ns", DELAY_MAX_NS,
                                   &server->altered_delay_ns)) {
        return false;
    }
    server->stack = oc_verify_stack_find(stack);
    server->echo = json_is_true(echo);
    server->size = (uint32_t)size;
    /* libuv and the floor are echoes; a delay is divided by the size of messages. */
    return (server->echo ||
            (server->stack != OC_VERIFY_STACK_LIBUV && server->stack != OC_VERIFY_STACK_FLOOR)) &&
           (server->size > 0 || !server->echo || server->altered_delay_ns == 0);
}

static json_t *answer_stop(struct agent *agent, const json_t *message)
{
    struct oc_verify__host *host = &agent->local.host;
    struct oc_verify_counters last;
    bool found = agent->running && host->ops->stop(host, &last);

    (void)message;
    agent->running = false;
    return found ? counters_json(&last) : good();
}

static json_t *answer_counters(struct agent *agent, const json_t *message)
{
    struct oc_verify__host *host = &agent->local.host;
    struct oc_verify_counters counters;

    (void)message;
    return host->ops->counters(host, &counters) ? counters_json(&counters)
                                                : refusal("no counters came");
}

static json_t *answer_meters(struct agent *agent, const json_t *message)
{
    struct oc_verify__host *host = &agent->local.host;
    struct oc_verify__meters meters;

    (void)message;
    host->ops->meters(host, OC_VERIFY__BORDER_BEGIN, &meters);
    return json_pack("{s:b, s:I, s:I, s:I, s:I, s:I}", "ok", 1, "server_cpu_ns",
                     whole(meters.server_cpu_ns), "machine_ns", whole(meters.machine_ns), "idle_ns",
                     whole(meters.idle_ns), "steal_ns", whole(meters.steal_ns), "switches",
                     whole(meters.switches));
}

static json_t *answer_footprint(struct agent *agent, const json_t *message)
{
    struct oc_verify__host *host = &agent->local.host;
    struct oc_verify__footprint footprint;

    (void)message;
    host->ops->footprint(host, &footprint);
    return json_pack("{s:b, s:I, s:I}", "ok", 1, "resident_bytes", whole(footprint.resident_bytes),
                     "descriptors", whole(footprint.descriptors));
}

static json_t *answer_drops(struct agent *agent, const json_t *message)
{
    struct oc_verify__host *host = &agent->local.host;

    (void)message;
    return json_pack("{s:b, s:I}", "ok", 1, "drops", whole(host->ops->drops(host)));
}

static json_t *answer_calls_begin(struct agent *agent, const json_t *message)
{
    struct oc_verify__host *host = &agent->local.host;
    int rc = host->ops->calls_begin(host);

    (void)message;
    return json_pack("{s:b, s:i}", "ok", rc == 0, "error", -rc);
}

static json_t *answer_calls_end(struct agent *agent, const json_t *message)
{
    struct oc_verify__host *host = &agent->local.host;

    (void)message;
    return json_pack("{s:b, s:I}", "ok", 1, "calls", whole(host->ops->calls_end(host)));
}

static json_t *counters_json(const struct oc_verify_counters *counters)
{
    return json_pack("{s:b, s:I, s:I, s:I}", "ok", 1, "system_calls", whole(counters->system_calls),
                     "polls", whole(counters->polls), "received", whole(counters->received));
}

static json_t *good(void)
{
    return json_pack("{s:b}", "ok", 1);
}

static json_t *refusal(const char *why)
{
    return json_pack("{s:b, s:s}", "ok", 0, "why", why);
}

static unsigned port_of(const struct oc_io_address *address)
{
    return ntohs(address->storage.ss_family == AF_INET6
                     ? ((const struct sockaddr_in6 *)&address->storage)->sin6_port
                     : ((const struct sockaddr_in *)&address->storage)->sin_port);
}

/* JSON's whole numbers are signed. */
static json_int_t whole(uint64_t value)
{
    return value > INT64_MAX ? INT64_MAX : (json_int_t)value;
}
