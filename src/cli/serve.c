/*
 * outcry serve: runs the venue until SIGTERM or SIGINT.
 */
#include <argp.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

#include "cli/args.h"
#include "cli/cli.h"
#include "core/assert.h"
#include "core/version.h"
#include "io/flight.h"
#include "io/probe.h"
#include "io/socket.h"
#include "server/cpus.h"
#include "server/log.h"
#include "server/server.h"

enum {
    KEY_NET = 1000,
    KEY_ENGINE,
    KEY_IO_THREADS,
    KEY_CPUS,
    KEY_BUSY_POLL,
    KEY_INSTRUMENTS,
    KEY_LISTED_ONLY,
    KEY_QUEUE_DEPTH,
    KEY_BUFFERS,
    KEY_LIMIT,
    KEY_INSECURE,
    KEY_DELAY,
};

static const struct argp_option OPTIONS[] = {
    {"listen", 'l', "HOST:PORT[,OPTION=VALUE...]", 0,
     "Serve here; may be given several times; port 0 picks one. Options: confirmations=own|all "
     "(who hears a confirmation), congestion=NAME (TCP congestion control; on loopback reno), "
     "identity=claimed. Default " OC_VENUE_ADDRESS_DEFAULT,
     0},
    {"net", KEY_NET, "auto|io_uring|epoll", 0,
     "Network backend. auto takes io_uring where the kernel allows it; `outcry probe` says why", 0},
    {"engine", KEY_ENGINE, "inline|dedicated", 0,
     "Where the engine runs. inline: on the one io thread, with no hand-off; the default. "
     "dedicated: on a thread of its own, beside the io threads and an acceptor; the default with "
     "several io threads. docs/performance.md tells where each wins",
     0},
    {"io-threads", KEY_IO_THREADS, "N", 0, "Threads that do io, 1 to 12. Default 1", 0},
    {"cpus", KEY_CPUS, "LIST", 0,
     "Pin the threads to these CPUs, for instance 0,2-5: the io threads in order, then the engine, "
     "then, if one is left, the acceptor",
     0},
    {"busy-poll", KEY_BUSY_POLL, "US", 0,
     "Io threads and engine spin this many microseconds before they block. Default 0: at once", 0},
    {"instruments", KEY_INSTRUMENTS, "FILE", 0,
     "Instruments with tick, lot and limits; see examples/instruments.ini", 0},
    {"listed-only", KEY_LISTED_ONLY, NULL, 0,
     "Reject symbols that the file does not list, instead of making them on first use", 0},
    {"queue-depth", KEY_QUEUE_DEPTH, "N", 0,
     "Submission queue of io_uring, a power of two. Default 1024", 0},
    {"buffers", KEY_BUFFERS, "N", 0,
     "Receive buffers of 16 KiB of each io thread, a power of two. Default 256", 0},
    {"limit", KEY_LIMIT, "NAME=N", 0,
     "A limit of the venue: sessions, orders, levels, instruments, users, client_ids (of each "
     "user), client_ids_total, out_bytes (owed to one session), out_chunks (4 KiB, all sessions), "
     "large_frames; event_log and, with dedicated, command_ring (powers of two); of a session (0: "
     "none): frames_per_turn, requests_per_second, incomplete_frame_seconds, idle_seconds; of an "
     "address (0: none): connections_per_address. docs/limits.md tells defaults and answers",
     0},
    {"insecure", KEY_INSECURE, NULL, 0,
     "Believe every user_id also on addresses other than loopback", 0},
    {"delay-ns", KEY_DELAY, "NS", OPTION_HIDDEN,
     "Be busy so long before each command: `outcry verify` proves itself with it", 0},
    {0}};

struct arguments {
    struct oc_server_config config;
    enum oc_io_mode mode;
    uint64_t delay_ns;
    bool engine_given;
};

static struct oc_server *running; /* for the signal handler */

static error_t on_option(int key, char *value, struct argp_state *state);
static void add_listener(struct arguments *arguments, const char *text, struct argp_state *state);
static void settle_threads(struct arguments *arguments, struct argp_state *state);
static void set_limit(struct oc_server_config *config, const char *text, struct argp_state *state);
static uint32_t parse_power_of_two(const char *name, const char *text, uint32_t min, uint32_t max,
                                   struct argp_state *state);
static void raise_descriptor_limit(uint32_t sessions_max);
static void delay(void *context, const struct oc_command *command);
static uint64_t clock_ns(void);
static void on_signal(int signal);
static void on_dump(int signal);
static void install_signals(void (*handler)(int));

int oc_cli_serve(int argc, char **argv)
{
    static const struct argp ARGP = {OPTIONS,
                                     on_option,
                                     NULL,
                                     "Runs the venue until SIGTERM or SIGINT: then it stops "
                                     "accepting, answers what arrived and exits 0. SIGUSR1 writes "
                                     "the last operations of each io thread to stderr.",
                                     NULL,
                                     NULL,
                                     NULL};
    static struct arguments arguments;
    struct oc_io_probe_report report;
    char reason[OC_IO_REASON_BYTES];
    char error[400];
    int rc;
    arguments = (struct arguments){
        .config = {.limits = OC_LIMITS_DEFAULT,
                   .session_limits = OC_SESSION_LIMITS_DEFAULT,
                   .io = OC_IO_CONFIG_DEFAULT,
                   .large_frames_max = OC_GATEWAY_LARGE_FRAMES_DEFAULT,
                   .instruments_on_first_use = true},
        .mode = OC_IO_MODE_AUTO,
    };
    if (argp_parse(&ARGP, argc, argv, 0, NULL, &arguments) != 0) {
        return OC_CLI_USAGE;
    }
    oc_log(OC_LOG_INFO, "outcry %s (%s)", OC_VERSION, OC_GIT_REVISION);
    arguments.config.ops = oc_io_choose_for(&arguments.config.io, arguments.mode, &report, reason,
                                            sizeof reason);
    if (arguments.config.ops == NULL) {
        oc_log(OC_LOG_ERROR, "%s", reason);
        return 1;
    }
    arguments.config.ops_reason = reason;
    raise_descriptor_limit(arguments.config.limits.sessions_max);
    if (oc_server_open(&running, &arguments.config, error, sizeof error) != 0) {
        oc_log(OC_LOG_ERROR, "%s", error);
        return 1;
    }
    oc_assert_set_hook(oc_io_flight_on_assert);
    install_signals(on_signal);
    rc = oc_server_run(running);
    install_signals(SIG_IGN); /* there is nothing left that one could stop */
    oc_server_close(running);
    return rc == 0 ? 0 : 1;
}

/* tidy: long - one case for each option */
static error_t on_option(int key, char *value, struct argp_state *state)
{
    struct arguments *arguments = state->input;
    struct oc_server_config *config = &arguments->config;
    char error[200];
    switch (key) {
    case 'l':
        add_listener(arguments, value, state);
        return 0;
    case KEY_NET:
        if (oc_io_mode_parse(value, &arguments->mode) != 0) {
            argp_error(state, "--net %s: auto, io_uring or epoll is needed", value);
        }
        return 0;
    case KEY_ENGINE:
        if (strcmp(value, "inline") != 0 && strcmp(value, "dedicated") != 0) {
            argp_error(state, "--engine %s: inline or dedicated", value);
        }
        config->engine = value[0] == 'i' ? OC_SERVER_INLINE : OC_SERVER_DEDICATED;
        arguments->engine_given = true;
        return 0;
    case KEY_IO_THREADS:
        config->io_threads = (uint32_t)oc_cli_number(state, "--io-threads", value, 1,
                                                     OC_SERVER_IO_THREADS_MAX);
        return 0;
    case KEY_CPUS:
        if (oc_cpus_parse(value, config->cpus, OC_SERVER_CPUS_MAX, &config->cpu_count, error,
                          sizeof error) != 0) {
            argp_error(state, "--cpus %s", error);
        }
        return 0;
    case KEY_BUSY_POLL:
        config->io.busy_poll_ns = 1000 * oc_cli_number(state, "--busy-poll", value, 0, 1000000);
        return 0;
    case KEY_INSTRUMENTS:
        config->instruments_path = value;
        return 0;
    case KEY_LISTED_ONLY:
        config->instruments_on_first_use = false;
        return 0;
    case KEY_QUEUE_DEPTH:
        config->io.queue_depth = parse_power_of_two("--queue-depth", value, 4, 32768, state);
        return 0;
    case KEY_BUFFERS:
        config->io.buffer_count = parse_power_of_two("--buffers", value, 2, 32768, state);
        return 0;
    case KEY_LIMIT:
        set_limit(config, value, state);
        return 0;
    case KEY_INSECURE:
        config->insecure = true;
        return 0;
    case KEY_DELAY:
        arguments->delay_ns = (uint32_t)oc_cli_number(state, "--delay-ns", value, 0, 1000000000);
        config->observer.context = &arguments->delay_ns;
        config->observer.command = delay;
        return 0;
    case ARGP_KEY_ARG:
        argp_error(state, "\"%s\" is no option; addresses go behind --listen", value);
        return 0;
    case ARGP_KEY_END:
        if (config->listener_count == 0) {
            add_listener(arguments, OC_VENUE_ADDRESS_DEFAULT, state);
        }
        if (!config->instruments_on_first_use && config->instruments_path == NULL) {
            argp_error(state, "--listed-only needs --instruments FILE");
        }
        settle_threads(arguments, state);
        return 0;
    default:
        return ARGP_ERR_UNKNOWN;
    }
}

static void add_listener(struct arguments *arguments, const char *text, struct argp_state *state)
{
    struct oc_server_config *config = &arguments->config;
    char error[OC_IO_SOCKET_ERROR_BYTES];
    if (config->listener_count == OC_GATEWAY_LISTENERS_MAX) {
        argp_error(state, "--listen may be given %u times at most", OC_GATEWAY_LISTENERS_MAX);
    }
    if (oc_listener_parse(text, &config->listeners[config->listener_count], error, sizeof error) !=
        0) {
        argp_error(state, "--listen %s: %s", text, error);
    }
    config->listener_count++;
}

/* What --engine, --io-threads and --cpus say together. */
static void settle_threads(struct arguments *arguments, struct argp_state *state)
{
    struct oc_server_config *config = &arguments->config;
    uint32_t threads = 1;
    if (config->io_threads == 0) {
        config->io_threads = 1;
    }
    if (config->io_threads > 1 && !arguments->engine_given) {
        config->engine = OC_SERVER_DEDICATED;
    }
    if (config->io_threads > 1 && config->engine == OC_SERVER_INLINE) {
        argp_error(state, "--engine inline is one thread: leave --io-threads out, or use "
                          "--engine dedicated");
    }
    if (config->engine == OC_SERVER_DEDICATED) {
        threads = config->io_threads + 1;
    } else if (config->command_ring_capacity != 0) {
        argp_error(state, "--limit command_ring is of --engine dedicated: inline has no such ring");
    }
    if (config->cpu_count > 0 &&
        (config->cpu_count < threads ||
         config->cpu_count > threads + (config->engine == OC_SERVER_DEDICATED ? 1 : 0))) {
        argp_error(state,
                   "--cpus names %" PRIu32 " CPUs, but %" PRIu32
                   " threads are to be pinned%s (name one twice to share it)",
                   config->cpu_count, threads,
                   threads == 1 ? ""
                                : ": the io threads, the engine and, if you like, the acceptor");
    }
}

static void set_limit(struct oc_server_config *config, const char *text, struct argp_state *state)
{
    /* The largest reply, and each tape's piece beside it, must fit what one session may owe. */
    const uint32_t out_bytes_min = 2 * OC_FRAME_BYTES_MAX;
    struct oc_session_limits *session = &config->session_limits;
    const struct {
        const char *name;
        uint32_t *value;
        uint32_t min;
        uint32_t max;
        bool is_power_of_two;
    } limits[] = {
        {"sessions", &config->limits.sessions_max, 1, 1U << 20, false},
        {"orders", &config->limits.orders_max, 1, 1U << 31, false},
        {"levels", &config->limits.levels_max, 1, 1U << 31, false},
        {"instruments", &config->limits.instruments_max, 1, 1U << 20, false},
        {"users", &config->limits.users_max, 1, 1U << 31, false},
        {"client_ids", &config->limits.client_ids_max, 1, 1U << 31, false},
        {"client_ids_total", &config->limits.client_ids_total, 1, 1U << 31, false},
        {"out_bytes", &config->io.out_bytes_max, out_bytes_min, 1U << 30, false},
        {"out_chunks", &config->io.chunk_count, 2 * out_bytes_min / OC_IO_CHUNK_BYTES, 1U << 24,
         false},
        {"large_frames", &config->large_frames_max, 1, 1U << 20, false},
        {"event_log", &config->event_log_capacity, 64, 1U << 20, true},
        {"command_ring", &config->command_ring_capacity, 2, 1U << 20, true},
        {"frames_per_turn", &session->frames_per_turn, 0, 1U << 20, false},
        {"requests_per_second", &session->requests_per_second, 0, OC_REQUESTS_PER_SECOND_MAX,
         false},
        {"incomplete_frame_seconds", &session->incomplete_frame_seconds, 0, OC_SESSION_SECONDS_MAX,
         false},
        {"idle_seconds", &session->idle_seconds, 0, OC_SESSION_SECONDS_MAX, false},
        {"connections_per_address", &session->connections_per_address, 0, 1U << 20, false},
    };
    size_t size = strcspn(text, "=");
    for (size_t i = 0; text[size] == '=' && i < sizeof limits / sizeof limits[0]; i++) {
        if (strlen(limits[i].name) == size && memcmp(limits[i].name, text, size) == 0) {
            *limits[i].value = limits[i].is_power_of_two
                                   ? parse_power_of_two(limits[i].name, text + size + 1,
                                                        limits[i].min, limits[i].max, state)
                                   : (uint32_t)oc_cli_number(state, limits[i].name, text + size + 1,
                                                             limits[i].min, limits[i].max);
            return;
        }
    }
    argp_error(state, "--limit %s: NAME=N is needed, with a NAME that --help lists", text);
}

static uint32_t parse_power_of_two(const char *name, const char *text, uint32_t min, uint32_t max,
                                   struct argp_state *state)
{
    uint32_t count = (uint32_t)oc_cli_number(state, name, text, min, max);
    if ((count & (count - 1)) != 0) {
        argp_error(state, "%s %s: a power of two is needed, for instance %u", name, text,
                   1U << (31 - __builtin_clz(count)));
    }
    return count;
}

/* Each session is a descriptor; 64 are for everything else. */
static void raise_descriptor_limit(uint32_t sessions_max)
{
    const rlim_t wanted = (rlim_t)sessions_max + 64;
    struct rlimit limit;
    if (getrlimit(RLIMIT_NOFILE, &limit) != 0 || limit.rlim_cur >= wanted) {
        return;
    }
    limit.rlim_cur = wanted < limit.rlim_max ? wanted : limit.rlim_max;
    if (setrlimit(RLIMIT_NOFILE, &limit) != 0 || limit.rlim_cur < wanted) {
        oc_log(OC_LOG_WARNING,
               "this process may open %llu files, too few for %" PRIu32
               " sessions: raise `ulimit -Hn`, or lower --limit sessions",
               (unsigned long long)limit.rlim_cur, sessions_max);
    }
}

static void delay(void *context, const struct oc_command *command)
{
    const uint64_t *delay_ns = context;
    uint64_t end_ns = clock_ns() + *delay_ns;
    (void)command;
    while (clock_ns() < end_ns) {
        ;
    }
}

static uint64_t clock_ns(void)
{
    struct timespec now;
    (void)clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000000000U + (uint64_t)now.tv_nsec;
}

static void on_signal(int signal)
{
    (void)signal;
    oc_server_stop(running);
}

static void on_dump(int signal)
{
    (void)signal;
    oc_io_flight_dump_all(STDERR_FILENO);
}

static void install_signals(void (*handler)(int))
{
    struct sigaction action = {.sa_handler = handler};
    (void)sigemptyset(&action.sa_mask);
    (void)sigaction(SIGTERM, &action, NULL);
    (void)sigaction(SIGINT, &action, NULL);
    action.sa_handler = SIG_IGN;
    (void)sigaction(SIGPIPE, &action, NULL);
    action.sa_handler = on_dump;
    (void)sigaction(SIGUSR1, &action, NULL);
}
