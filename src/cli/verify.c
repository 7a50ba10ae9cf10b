/*
 * outcry verify: reads the command line, shows the progress, writes the reports.
 */
#include <argp.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <math.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "cli/args.h"
#include "cli/cli.h"
#include "cli/engine_cost.h"
#include "verify/agent.h"
#include "verify/cells.h"
#include "verify/report_compare.h"
#include "verify/report_html.h"
#include "verify/report_json.h"
#include "verify/report_markdown.h"
#include "verify/report_text.h"
#include "verify/verify.h"

#define EXIT_GATE    3
#define EXIT_STOPPED 4
#define ERROR_BYTES  512
#define PATH_BYTES   1024
#define PAIRS_DEFAULT                                                         \
    (1U << OC_VERIFY_PAIR_TOKIO_EPOLL | 1U << OC_VERIFY_PAIR_TOKIO_IO_URING | \
     1U << OC_VERIFY_PAIR_EPOLL_IO_URING)

enum {
    KEY_QUICK = 1000,
    KEY_FULL,
    KEY_PAIRS,
    KEY_SCENARIO,
    KEY_JSON,
    KEY_HTML,
    KEY_MARKDOWN,
    KEY_COMPARE,
    KEY_GATE,
    KEY_GATE_FILE,
    KEY_SEED,
    KEY_RESUME,
    KEY_TOKIO,
    KEY_LIBUV,
    KEY_QUIET,
    KEY_ON,
    KEY_AGENT,
    KEY_LISTEN,
    KEY_INSECURE,
    KEY_STACKS,
    KEY_ALTERED,
    KEY_AA,
    KEY_BLOCKS,
    KEY_DURATION,
    KEY_RESAMPLES,
};

/* Set of options that were given. */
#define GIVEN(key) (1U << ((key)-KEY_QUICK))
/* What is allowed beside those two that measure nothing. */
#define OF_COMPARE (GIVEN(KEY_COMPARE) | GIVEN(KEY_HTML) | GIVEN(KEY_MARKDOWN) | GIVEN(KEY_QUIET))
#define OF_AGENT                                                                     \
    (GIVEN(KEY_AGENT) | GIVEN(KEY_LISTEN) | GIVEN(KEY_INSECURE) | GIVEN(KEY_TOKIO) | \
     GIVEN(KEY_LIBUV) | GIVEN(KEY_QUIET))

static const struct argp_option OPTIONS[] = {
    {"quick", KEY_QUICK, NULL, 0,
     "Below 90 s; says what it cannot decide (default). Not with --full", 0},
    {"full", KEY_FULL, NULL, 0, "All cells, up to two hours; with --json it can be resumed", 0},
    {"resume", KEY_RESUME, NULL, 0,
     "Go on with the runs beside --json FILE (FILE.runs): the same options, and --seed N of them",
     0},
    {"pairs", KEY_PAIRS, "LIST", 0,
     "tokio:epoll, tokio:io_uring, epoll:io_uring (current:candidate). Default: all three", 0},
    {"scenario", KEY_SCENARIO, "LIST", 0,
     "ping-pong, persistent, reuse, percentiles, request-response, stress, fan-out. Default: all",
     0},
    {"json", KEY_JSON, "FILE", 0,
     "Everything measured and judged, with the host; each run in FILE.runs. One that is there is "
     "not overwritten but by --resume",
     0},
    {"html", KEY_HTML, "FILE", 0, "The report with its figures, as one page to read or print", 0},
    {"markdown", KEY_MARKDOWN, "FILE", 0, "The report for documents and issues", 0},
    {"compare", KEY_COMPARE, "A.json B.json", 0,
     "Measure nothing: set two reports written by --json, of two hosts or two days, side by side",
     0},
    {"gate", KEY_GATE, "PAIR", 0,
     "The last line tells if this pair's decision is to proceed; exit status 3 if it is not. One "
     "of --pairs",
     0},
    {"gate-file", KEY_GATE_FILE, "FILE", 0, "The gate's thresholds: [gate] ping_pong_percent, ...",
     0},
    {"seed", KEY_SEED, "N", 0, "Of all random orders. Default: from the clock; it is reported", 0},
    {"tokio", KEY_TOKIO, "PATH", 0,
     "The tokio program; it must be there. Default: that of `make baseline-tokio`", 0},
    {"libuv", KEY_LIBUV, "PATH", 0,
     "The libuv echo; it must be there. Default: beside this program", 0},
    {"quiet", KEY_QUIET, NULL, 0, "No progress on stderr", 0},
    {"on", KEY_ON, "HOST:PORT", 0,
     "Servers run on another host: its agent starts them. Same-core cells are measured with a host "
     "each instead",
     0},
    {"agent", KEY_AGENT, NULL, 0,
     "Measure nothing: start and end servers here for a `verify --on` elsewhere, until SIGTERM", 0},
    {"listen", KEY_LISTEN, "HOST:PORT", 0, "Of --agent: wait for it here", 0},
    {"insecure", KEY_INSECURE, NULL, 0,
     "Of --agent: also on addresses other than loopback. Whoever reaches it can start servers", 0},
    {"stacks", KEY_STACKS, "LIST", OPTION_HIDDEN, "Only these", 0},
    {"altered-delay-ns", KEY_ALTERED, "NS", OPTION_HIDDEN, "Slow `altered` down by request", 0},
    {"aa", KEY_AA, "FILE", OPTION_HIDDEN, "File of runs of an A/A, for the resolution", 0},
    {"blocks", KEY_BLOCKS, "N", OPTION_HIDDEN, "So many blocks of every cell", 0},
    {"duration-ms", KEY_DURATION, "MS", OPTION_HIDDEN, "Measured time of every run", 0},
    {"resamples", KEY_RESAMPLES, "N", OPTION_HIDDEN, "Of the bootstrap", 0},
    {0}};

struct arguments {
    struct oc_verify_config config;
    struct oc_verify_agent_config agent_config;
    bool agent;
    const char *json;
    const char *html;
    const char *markdown;
    const char *compare[2]; /* reports to set side by side; NULL: measure */
    const char *gate_file;
    enum oc_verify_pair gate; /* OC_VERIFY_PAIR_COUNT: none asked */
    uint32_t given;           /* set of GIVEN(key) */
    bool quiet;
};

static volatile sig_atomic_t stopped;

static error_t on_option(int key, char *value, struct argp_state *state);
static error_t on_agent_option(int key, char *value, struct argp_state *state);
static error_t on_hidden_option(int key, char *value, struct argp_state *state);
static void on_end(struct arguments *arguments, struct argp_state *state);
static void check_not_there(struct argp_state *state, const char *json, const char *ending);
static void check_output(struct argp_state *state, const char *option, const char *path);
static void check_program(struct argp_state *state, const char *option, const char *path);
static void check_agent(const struct arguments *arguments, struct argp_state *state);
static enum oc_verify_pair find_pair(struct argp_state *state, const char *name, size_t size);
static uint32_t parse_pairs(struct argp_state *state, const char *text);
static uint32_t parse_stacks(struct argp_state *state, const char *text);
static void join(int argc, char **argv, char *text, size_t size);
static void on_signal(int number);
static void on_progress(void *context, const struct oc_verify_progress *progress);
static int finish(const struct arguments *arguments, const struct oc_verify_report *report);
static void tell_gate(const struct oc_verify_report *report, enum oc_verify_pair pair);
static int compare(const struct arguments *arguments);

static const struct argp ARGP = {
    OPTIONS,
    on_option,
    NULL,
    "Measures network stacks side by side on this host and decides between them.\v"
    "Starts its servers itself, on 127.0.0.1 (or by an agent on another host: --on), and pins "
    "them and itself to CPUs: leave the machine alone meanwhile. Exit status: 0 measured; 1 it "
    "failed; 2 usage, among it a file that cannot be read or written, a --json FILE that is "
    "there already, runs that do not fit --resume, a program of --tokio or --libuv that is not "
    "there, and a --gate that cannot be passed with what is measured; 3 --gate was asked and "
    "not passed; 4 stopped early (a signal): the report of what was measured is written.",
    NULL,
    NULL,
    NULL};

int oc_cli_verify(int argc, char **argv)
{
    static struct oc_verify_report report;
    static char command[PATH_BYTES];
    static char runs_path[PATH_BYTES];
    struct arguments arguments = {
        .config = {.pairs = PAIRS_DEFAULT,
                   .scenarios = (1U << OC_VERIFY_SCENARIO_COUNT) - 1,
                   .thresholds = OC_GATE_THRESHOLDS_DEFAULT,
                   .command = command,
                   .apply_ns = oc_cli_engine_order_ns,
                   .stop = &stopped,
                   .on_progress = on_progress},
        .agent_config = {.stop = &stopped, .apply_ns = oc_cli_engine_order_ns},
        .gate = OC_VERIFY_PAIR_COUNT,
    };
    struct sigaction action = {.sa_handler = on_signal};
    char error[ERROR_BYTES] = "";
    int status;
    int rc;

    join(argc, argv, command, sizeof(command));
    (void)argp_parse(&ARGP, argc, argv, 0, NULL, &arguments);
    if (arguments.compare[0] != NULL) {
        return compare(&arguments);
    }
    if ((arguments.given & GIVEN(KEY_SEED)) == 0) {
        arguments.config.seed = (uint64_t)time(NULL);
    }
    if (arguments.gate_file != NULL &&
        oc_gate_thresholds_read(arguments.gate_file, &arguments.config.thresholds, error,
                                sizeof(error)) < 0) {
        (void)fprintf(stderr, "outcry: --gate-file: %s\n", error);
        return OC_CLI_USAGE;
    }
    if (arguments.json != NULL) {
        (void)snprintf(runs_path, sizeof(runs_path), "%s.runs", arguments.json);
        arguments.config.runs_path = runs_path;
    }
    if (arguments.quiet) {
        arguments.config.on_progress = NULL;
    }
    (void)sigaction(SIGINT, &action, NULL);
    (void)sigaction(SIGTERM, &action, NULL);
    (void)signal(SIGPIPE, SIG_IGN);
    if (arguments.agent) {
        return oc_verify_agent_run(&arguments.agent_config);
    }
    rc = oc_verify_run(&arguments.config, &report, error, sizeof(error));
    if (rc == 0) {
        status = finish(&arguments, &report);
    } else {
        (void)fprintf(stderr, "outcry: %s\n", error);
        status = rc == -EINVAL ? OC_CLI_USAGE : 1;
    }
    oc_verify_report_deinit(&report);
    return status;
}

/* tidy: long - one case for each option */
static error_t on_option(int key, char *value, struct argp_state *state)
{
    struct arguments *arguments = state->input;
    struct oc_verify_config *config = &arguments->config;
    char unknown[64] = "";

    if (key >= KEY_QUICK && key <= KEY_RESAMPLES) {
        arguments->given |= GIVEN(key);
    }
    switch (key) {
    case KEY_QUICK:
        return 0;
    case KEY_FULL:
        config->full = true;
        return 0;
    case KEY_RESUME:
        config->resume = true;
        return 0;
    case KEY_PAIRS:
        config->pairs = parse_pairs(state, value);
        return 0;
    case KEY_SCENARIO:
        if (!oc_verify_scenarios_parse(value, &config->scenarios, unknown, sizeof(unknown))) {
            argp_error(state, "--scenario: \"%s\" is none; --help lists them", unknown);
        }
        return 0;
    case KEY_JSON:
        arguments->json = value;
        return 0;
    case KEY_HTML:
        arguments->html = value;
        return 0;
    case KEY_MARKDOWN:
        arguments->markdown = value;
        return 0;
    case KEY_GATE:
        arguments->gate = find_pair(state, value, strlen(value));
        config->gates = 1U << arguments->gate;
        return 0;
    case KEY_GATE_FILE:
        arguments->gate_file = value;
        return 0;
    case KEY_SEED:
        config->seed = oc_cli_number(state, "--seed", value, 0, INT64_MAX);
        return 0;
    case KEY_TOKIO:
        check_program(state, "--tokio", value);
        config->tokio = value;
        arguments->agent_config.tokio = value;
        return 0;
    case KEY_LIBUV:
        check_program(state, "--libuv", value);
        config->libuv = value;
        arguments->agent_config.libuv = value;
        return 0;
    case KEY_QUIET:
        arguments->quiet = true;
        return 0;
    case KEY_COMPARE:
        arguments->compare[0] = value;
        return 0;
    case ARGP_KEY_ARG:
        if (arguments->compare[0] != NULL && arguments->compare[1] == NULL) {
            arguments->compare[1] = value;
            return 0;
        }
        argp_error(state, "\"%s\" is one argument too many", value);
        return 0;
    case ARGP_KEY_END:
        on_end(arguments, state);
        return 0;
    default:
        return on_agent_option(key, value, state);
    }
}

static error_t on_agent_option(int key, char *value, struct argp_state *state)
{
    struct arguments *arguments = state->input;

    switch (key) {
    case KEY_ON:
        arguments->config.on = value;
        return 0;
    case KEY_AGENT:
        arguments->agent = true;
        return 0;
    case KEY_LISTEN:
        arguments->agent_config.listen = value;
        return 0;
    case KEY_INSECURE:
        arguments->agent_config.insecure = true;
        return 0;
    default:
        return on_hidden_option(key, value, state);
    }
}

static error_t on_hidden_option(int key, char *value, struct argp_state *state)
{
    struct oc_verify_config *config = &((struct arguments *)state->input)->config;

    switch (key) {
    case KEY_STACKS:
        config->stacks = parse_stacks(state, value);
        return 0;
    case KEY_ALTERED:
        config->altered_delay_ns = oc_cli_number(state, "--altered-delay-ns", value, 0, 1000000000);
        return 0;
    case KEY_AA:
        config->aa_path = value;
        return 0;
    case KEY_BLOCKS:
        config->blocks = (uint32_t)oc_cli_number(state, "--blocks", value, 1, 128);
        return 0;
    case KEY_DURATION:
        config->duration_ms = (uint32_t)oc_cli_number(state, "--duration-ms", value, 10, 60000);
        return 0;
    case KEY_RESAMPLES:
        config->resamples = (uint32_t)oc_cli_number(state, "--resamples", value, 100,
                                                    OC_BOOTSTRAP_RESAMPLES_MAX);
        return 0;
    default:
        return ARGP_ERR_UNKNOWN;
    }
}

static void on_end(struct arguments *arguments, struct argp_state *state)
{
    struct oc_verify_config *config = &arguments->config;

    check_agent(arguments, state);
    if (arguments->compare[0] != NULL && arguments->compare[1] == NULL) {
        argp_error(state, "--compare needs two files: --compare A.json B.json");
    }
    if (arguments->compare[0] != NULL && (arguments->given & ~OF_COMPARE) != 0) {
        argp_error(state, "--compare measures nothing: beside it there may be --html and "
                          "--markdown");
    }
    if (config->resume && (arguments->json == NULL || (arguments->given & GIVEN(KEY_SEED)) == 0)) {
        argp_error(state, "--resume needs --json FILE, and --seed N of the runs beside it");
    }
    if (config->full && (arguments->given & GIVEN(KEY_QUICK)) != 0) {
        argp_error(state, "--quick and --full: one of them");
    }
    if (config->altered_delay_ns > 0 || arguments->gate == OC_VERIFY_PAIR_EPOLL_ALTERED) {
        config->pairs |= 1U << OC_VERIFY_PAIR_EPOLL_ALTERED;
    }
    if (arguments->gate != OC_VERIFY_PAIR_COUNT && (config->pairs >> arguments->gate & 1U) == 0) {
        argp_error(state, "--gate %s: --pairs leaves this pair out",
                   oc_pairs_name(arguments->gate));
    }
    if (arguments->json != NULL && !config->resume) {
        check_not_there(state, arguments->json, "");
        check_not_there(state, arguments->json, ".runs");
    }
    check_output(state, "--json", arguments->json);
    check_output(state, "--html", arguments->html);
    check_output(state, "--markdown", arguments->markdown);
}

/* An hour of measuring is not overwritten by the same command given again. */
static void check_not_there(struct argp_state *state, const char *json, const char *ending)
{
    char path[PATH_BYTES];

    (void)snprintf(path, sizeof(path), "%s%s", json, ending);
    if (access(path, F_OK) == 0) {
        argp_error(state,
                   "--json: %s is there already: go on with it (--resume --seed N), name another "
                   "FILE, or delete it",
                   path);
    }
}

/* Now, and not after the measurement. */
static void check_output(struct argp_state *state, const char *option, const char *path)
{
    struct stat status;
    int error = 0;
    int fd;

    if (path == NULL) {
        return;
    }
    fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
    if (fd >= 0) {
        (void)close(fd);
        (void)unlink(path);
    } else if (errno != EEXIST || stat(path, &status) < 0 || access(path, W_OK) < 0) {
        error = errno;
    } else if (S_ISDIR(status.st_mode)) {
        error = EISDIR;
    }
    if (error != 0) {
        argp_error(state, "%s %s cannot be written: %s", option, path, strerror(error));
    }
}

/* Who names a program wants it measured: without it the answer would be to another question. */
static void check_program(struct argp_state *state, const char *option, const char *path)
{
    struct stat status;

    if (stat(path, &status) < 0) {
        argp_error(state, "%s %s: %s", option, path, strerror(errno));
    } else if (!S_ISREG(status.st_mode) || access(path, X_OK) < 0) {
        argp_error(state, "%s %s: it is no program that can be run", option, path);
    }
}

static void check_agent(const struct arguments *arguments, struct argp_state *state)
{
    const struct oc_verify_agent_config *agent = &arguments->agent_config;
    const struct oc_verify_config *config = &arguments->config;

    if (arguments->agent != (agent->listen != NULL)) {
        argp_error(state, "--agent and --listen HOST:PORT belong together");
    }
    if (agent->insecure && !arguments->agent) {
        argp_error(state, "--insecure is an option of --agent");
    }
    if (arguments->agent && (arguments->given & ~OF_AGENT) != 0) {
        argp_error(state, "--agent measures nothing: what is measured is said to `verify --on`");
    }
    if (config->on != NULL && (config->tokio != NULL || config->libuv != NULL)) {
        argp_error(state, "--tokio and --libuv name programs of the servers' host: give them to "
                          "its --agent");
    }
}

static enum oc_verify_pair find_pair(struct argp_state *state, const char *name, size_t size)
{
    for (uint32_t pair = 0; pair < OC_VERIFY_PAIR_COUNT; pair++) {
        if (strlen(oc_pairs_name(pair)) == size && memcmp(oc_pairs_name(pair), name, size) == 0) {
            return pair;
        }
    }
    argp_error(state, "\"%.*s\" is no pair: tokio:epoll, tokio:io_uring or epoll:io_uring",
               (int)size, name);
    return OC_VERIFY_PAIR_COUNT;
}

static uint32_t parse_pairs(struct argp_state *state, const char *text)
{
    uint32_t pairs = 0;

    while (*text != '\0') {
        size_t size = strcspn(text, ",");
        pairs |= 1U << find_pair(state, text, size);
        text += size;
        text += *text == ',';
    }
    if (pairs == 0) {
        argp_error(state, "--pairs names none");
    }
    return pairs;
}

static uint32_t parse_stacks(struct argp_state *state, const char *text)
{
    uint32_t stacks = 0;

    while (*text != '\0') {
        char name[32];
        size_t size = strcspn(text, ",");
        (void)snprintf(name, sizeof(name), "%.*s", (int)size, text);
        if (oc_verify_stack_find(name) == OC_VERIFY_STACK_COUNT) {
            argp_error(state, "--stacks: \"%s\" is no stack", name);
        }
        stacks |= 1U << oc_verify_stack_find(name);
        text += size;
        text += *text == ',';
    }
    return stacks;
}

/* argv[0] is "outcry verify" already. */
static void join(int argc, char **argv, char *text, size_t size)
{
    size_t used = 0;

    for (int i = 0; i < argc && used < size; i++) {
        int added = snprintf(text + used, size - used, "%s%s", i > 0 ? " " : "", argv[i]);
        used += added > 0 ? (size_t)added : 0;
    }
}

static void on_signal(int number)
{
    (void)number;
    stopped = 1;
}

static void on_progress(void *context, const struct oc_verify_progress *progress)
{
    const bool terminal = isatty(STDERR_FILENO) != 0;
    static double told_s = -10.0;

    (void)context;
    /* A log file gets a line each ten seconds, a terminal one line that changes. */
    if (!terminal && progress->elapsed_s - told_s < 10.0) {
        return;
    }
    told_s = progress->elapsed_s;
    (void)fprintf(stderr, "%s%4" PRIu32 " of %4" PRIu32 " runs, about %.0f %s left: %s%s",
                  terminal ? "\r\x1b[K" : "", progress->runs_done, progress->runs_planned,
                  progress->left_s < 120 ? progress->left_s : progress->left_s / 60,
                  progress->left_s < 120 ? "s" : "min", progress->cell->name, terminal ? "" : "\n");
    (void)fflush(stderr);
}

static int finish(const struct arguments *arguments, const struct oc_verify_report *report)
{
    char error[ERROR_BYTES];
    int status = 0;

    if (!arguments->quiet && isatty(STDERR_FILENO) != 0) {
        (void)fprintf(stderr, "\r\x1b[K");
    }
    oc_verify_report_text(report, stdout);
    if (arguments->gate != OC_VERIFY_PAIR_COUNT) {
        tell_gate(report, arguments->gate);
    }
    if (arguments->json != NULL &&
        oc_verify_report_json(report, arguments->json, error, sizeof(error)) < 0) {
        (void)fprintf(stderr, "outcry: %s\n", error);
        status = 1;
    }
    if (arguments->html != NULL &&
        oc_verify_report_html(report, arguments->html, error, sizeof(error)) < 0) {
        (void)fprintf(stderr, "outcry: %s\n", error);
        status = 1;
    }
    if (arguments->markdown != NULL &&
        oc_verify_report_markdown(report, arguments->markdown, error, sizeof(error)) < 0) {
        (void)fprintf(stderr, "outcry: %s\n", error);
        status = 1;
    }
    if (fflush(stdout) != 0) {
        (void)fprintf(stderr, "outcry: the report cannot be written: %s\n", strerror(errno));
        status = 1;
    }
    if (arguments->config.runs_path != NULL && !arguments->quiet) {
        (void)fprintf(stderr,
                      "outcry: the runs stay in %s: --resume --seed %" PRIu64
                      " with the same options %s\n",
                      arguments->config.runs_path, report->seed,
                      report->stopped || report->timed_out ? "goes on from there"
                                                           : "judges them again, without new runs");
    }
    if (status == 0 && report->stopped) {
        status = EXIT_STOPPED;
    }
    if (status == 0 && arguments->gate != OC_VERIFY_PAIR_COUNT &&
        report->judgement.gates[arguments->gate].result != OC_GATE_PROCEED) {
        status = EXIT_GATE;
    }
    return status;
}

/* The last line on the terminal says what the exit status says. */
static void tell_gate(const struct oc_verify_report *report, enum oc_verify_pair pair)
{
    const struct oc_gate *gate = &report->judgement.gates[pair];

    (void)printf("gate %s: ", oc_pairs_name(pair));
    switch (gate->result) {
    case OC_GATE_PROCEED:
        (void)printf("passed\n");
        break;
    case OC_GATE_STAY:
    case OC_GATE_UNDECIDED:
        (void)printf("not passed: %s (met: %" PRIu32 " of %" PRIu32 " needed; not met: %" PRIu32
                     "; undecided: %" PRIu32 ")\n",
                     gate->result == OC_GATE_STAY ? "stay" : "undecided", gate->met, gate->needed,
                     gate->not_met, gate->undecided);
        break;
    case OC_GATE_NOT_MEASURED:
    case OC_GATE_RESULT_COUNT:
        (void)printf("not passed: not measured\n");
        break;
    }
}

static int compare(const struct arguments *arguments)
{
    const struct oc_verify_compare sets = {
        .paths = {arguments->compare[0], arguments->compare[1]},
        .html = arguments->html,
        .markdown = arguments->markdown,
    };
    char error[ERROR_BYTES];
    int rc = oc_verify_compare_print(&sets, stdout, error, sizeof(error));

    if (rc < 0) {
        (void)fprintf(stderr, "outcry: %s\n", error);
    }
    return rc == -EINVAL ? OC_CLI_USAGE : rc < 0 ? 1 : 0;
}
