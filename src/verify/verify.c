/*
 * The order of things: find the stacks, look at the host, capacities first, then rounds of blocks
 * in random order, looks, judgement.
 */
#include "verify/verify.h"

#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/random.h"
#include "verify/clock.h"
#include "verify/runs_file.h"
#include "verify/session.h"
#include "verify/statistics.h"

#define STACK(name) (1U << OC_VERIFY_STACK_##name)

/* No block begins later, so that quick ends within 90 s and full within two hours, with what
 * judging and reporting take. */
#define QUICK_NS 80000000000ULL
#define FULL_NS  6900000000000ULL
/* How long system calls of foreign stacks are counted, behind the measured period. */
#define QUICK_COUNT_NS 20000000ULL
#define FULL_COUNT_NS  50000000ULL
/* Of two hosts. */
#define KERNELS_BYTES 1088U

static int prepare(struct oc_verify__session *session);
static int choose_host(struct oc_verify__session *session);
static int check_gate(const struct oc_verify__session *session, enum oc_verify_pair pair);
static void name_kernels(const struct oc_verify_report *report, char *text, size_t size);
static uint32_t choose_stacks(const struct oc_verify_config *config,
                              const struct oc_verify_stack_status *status);
static int read_aa(struct oc_verify__session *session);
static void take_aa(void *context, const struct oc_verify__runs_line *line);
static int open_runs(struct oc_verify__session *session);
static void take_run(void *context, const struct oc_verify__runs_line *line);
static int check_stacks(const struct oc_verify__session *session);
static void take_past(struct oc_verify__session *session);
static int begin(struct oc_verify__session *session);
static int end(struct oc_verify__session *session);
static int measure(struct oc_verify__session *session);
static int make_round(struct oc_verify__session *session, bool capacity, bool *any);
static void tell(const struct oc_verify__session *session, uint32_t cell);
static int judge(struct oc_verify__session *session);
static bool look(struct oc_verify__session *session);

int oc_verify_run(const struct oc_verify_config *config, struct oc_verify_report *report,
                  char *error, size_t error_size)
{
    struct oc_verify__session *session = calloc(1, sizeof(*session));
    int rc = -1;

    *report = (struct oc_verify_report){.full = config->full,
                                        .pairs = config->pairs,
                                        .seed = config->seed,
                                        .altered_delay_ns = config->altered_delay_ns};
    oc_arena_init(&report->arena);
    if (session == NULL) {
        (void)snprintf(error, error_size, "no memory");
        return -1;
    }
    session->config = config;
    session->report = report;
    session->error = error;
    session->error_size = error_size;
    session->start_ns = oc_verify__clock_ns();
    session->deadline_ns = session->start_ns + (config->full ? FULL_NS : QUICK_NS);
    rc = prepare(session);
    rc = rc < 0 ? rc : read_aa(session);
    rc = rc < 0 ? rc : open_runs(session);
    if (rc == 0) {
        rc = measure(session) == 0 && end(session) == 0 ? judge(session) : -1;
    }
    oc_verify__priority_restore(&session->priority);
    oc_verify__remote_close(&session->remote);
    oc_verify__scripts_deinit(&session->scripts);
    free(session->latency);
    free(session->rig.lag);
    free(session->rig.connect);
    free(session);
    return rc;
}

void oc_verify_report_deinit(struct oc_verify_report *report)
{
    oc_verify__data_deinit(&report->data);
    oc_verify__data_deinit(&report->aa);
    oc_arena_deinit(&report->arena);
    *report = (struct oc_verify_report){0};
}

double oc_verify_report_median(const struct oc_verify_report *report, uint32_t cell,
                               enum oc_verify_stack stack, enum oc_verify_metric metric)
{
    double values[OC_PAIRS_BLOCKS_MAX];
    double rate = 0;
    uint32_t count = 0;

    for (uint32_t i = 0; i < report->data.run_count; i++) {
        const struct oc_verify_run *run = &report->data.runs[i];
        if (run->cell != cell || run->stack != stack || run->exclusion != OC_VERIFY_KEPT ||
            isnan(run->metrics[metric]) || run->offered_rate < rate) {
            continue;
        }
        if (run->offered_rate > rate) {
            rate = run->offered_rate;
            count = 0;
        }
        if (count < OC_PAIRS_BLOCKS_MAX) {
            values[count++] = run->metrics[metric];
        }
    }
    return count == 0 ? NAN : oc_statistics_median(values, count);
}

static int prepare(struct oc_verify__session *session)
{
    const struct oc_verify_config *config = session->config;
    struct oc_verify_report *report = session->report;
    struct oc_verify__plan_config plan = {
        .full = config->full,
        .scenarios = config->scenarios,
        .blocks = config->blocks,
        .duration_ms = config->duration_ms,
    };

    int rc;

    oc_verify__process_raise_files();
    oc_verify__process_cpus(&session->rig.cpus);
    oc_verify__priority_raise(&session->priority);
    oc_verify__environment_begin(&report->environment);
    (void)snprintf(report->environment.priority, sizeof(report->environment.priority), "%s",
                   oc_verify__priority_text(&session->priority));
    (void)snprintf(report->environment.command, sizeof(report->environment.command), "%s",
                   config->command == NULL ? "" : config->command);
    oc_verify__make_printable(report->environment.command);
    rc = choose_host(session);
    if (rc < 0) {
        return rc;
    }
    session->rig.altered_delay_ns = config->altered_delay_ns;
    session->rig.count_ns = config->full ? FULL_COUNT_NS : QUICK_COUNT_NS;
    session->rig.lag = calloc(1, sizeof(struct oc_histogram));
    session->rig.connect = calloc(1, sizeof(struct oc_histogram));
    session->latency = calloc(1, sizeof(struct oc_histogram));
    plan.stacks = choose_stacks(config, report->stacks);
    plan.cpus = session->rig.cpus.client == session->rig.cpus.server ? 1 : 2;
    plan.two_hosts = report->two_hosts;
    oc_verify__plan_make(&plan, &session->plan);
    for (uint32_t pair = 0; pair < OC_VERIFY_PAIR_COUNT; pair++) {
        if ((config->gates >> pair & 1U) != 0 && check_gate(session, pair) < 0) {
            return -EINVAL;
        }
    }
    if (session->plan.cell_count == 0) {
        (void)snprintf(session->error, session->error_size,
                       "there is nothing to measure: no cell of these scenarios has two stacks "
                       "that run here");
        return -1;
    }
    if (session->rig.lag == NULL || session->rig.connect == NULL || session->latency == NULL ||
        oc_verify__data_init(&report->data, &session->plan) < 0) {
        (void)snprintf(session->error, session->error_size, "no memory");
        return -1;
    }
    for (uint32_t i = 0; i < session->plan.cell_count; i++) {
        session->blocks_wanted[i] = session->plan.cells[i].blocks;
    }
    return 0;
}

/* Where servers run, what calls cost there and which stacks there are. */
static int choose_host(struct oc_verify__session *session)
{
    const struct oc_verify_config *config = session->config;
    struct oc_verify_report *report = session->report;
    struct oc_verify__hello hello;
    int rc;

    if (config->on == NULL) {
        oc_verify__calibrate(session->rig.cpus.server, config->apply_ns, &report->costs,
                             &report->split);
        oc_verify__stacks_find(&session->stacks, config->tokio, config->libuv);
        memcpy(report->stacks, session->stacks.status, sizeof(report->stacks));
        oc_verify__local_init(&session->local, &session->stacks, session->rig.cpus.server);
        session->rig.host = &session->local.host;
        return 0;
    }
    rc = oc_verify__remote_open(&session->remote, config->on, &hello, session->error,
                                session->error_size);
    if (rc < 0) {
        return rc;
    }
    report->two_hosts = true;
    (void)snprintf(report->server_address, sizeof(report->server_address), "%s",
                   session->remote.name);
    report->server_environment = hello.environment;
    report->costs = hello.costs;
    report->split = hello.split;
    memcpy(report->stacks, hello.stacks, sizeof(report->stacks));
    session->rig.host = &session->remote.host;
    return 0;
}

/* A gate that cannot be passed whatever is measured is not worth an hour. */
static int check_gate(const struct oc_verify__session *session, enum oc_verify_pair pair)
{
    const struct oc_verify_stack_status *status = session->report->stacks;
    const uint32_t needed = session->config->thresholds.criteria_needed;
    const uint32_t candidate = 1U << oc_pairs_candidate(pair);
    uint32_t current = 1U << oc_pairs_current(pair);
    uint32_t parts = 0;
    uint32_t count;

    current |= current == STACK(TOKIO) ? STACK(TOKIO_CURRENT) : 0;
    for (uint32_t i = 0; i < session->plan.cell_count; i++) {
        const struct oc_verify_cell *cell = &session->plan.cells[i];
        if (cell->gate != OC_VERIFY_GATE_NONE && (cell->stacks & current) != 0 &&
            (cell->stacks & candidate) != 0) {
            parts |= 1U << cell->gate;
        }
    }
    count = (uint32_t)__builtin_popcount(parts);
    for (uint32_t i = 0; count < needed && i < OC_VERIFY_STACK_COUNT; i++) {
        if (((current | candidate) >> i & 1U) != 0 && !status[i].available) {
            (void)snprintf(session->error, session->error_size,
                           "--gate %s cannot be passed: %s is not there: %s", oc_pairs_name(pair),
                           oc_verify_stack_name(i), status[i].why);
            return -1;
        }
    }
    if (count < needed) {
        (void)snprintf(session->error, session->error_size,
                       "--gate %s cannot be passed: %" PRIu32 " of its criteria would be measured, "
                       "%" PRIu32 " must be met; they are of the scenarios ping-pong, persistent, "
                       "percentiles (two CPUs) and stress",
                       oc_pairs_name(pair), count, needed);
    }
    return count < needed ? -1 : 0;
}

/* Runs belong to the hosts that made them. */
static void name_kernels(const struct oc_verify_report *report, char *text, size_t size)
{
    (void)snprintf(text, size, "%s%s%s", report->environment.kernel,
                   report->two_hosts ? "; servers: " : "", report->server_environment.kernel);
}

/* What the pairs need, the outside references, and epoll once more for A/A. */
static uint32_t choose_stacks(const struct oc_verify_config *config,
                              const struct oc_verify_stack_status *status)
{
    uint32_t wanted = STACK(FLOOR) | STACK(LIBUV) | STACK(ALTERED) | STACK(EPOLL);
    uint32_t available = 0;

    if ((config->pairs &
         (1U << OC_VERIFY_PAIR_TOKIO_EPOLL | 1U << OC_VERIFY_PAIR_TOKIO_IO_URING)) != 0) {
        wanted |= STACK(TOKIO) | STACK(TOKIO_CURRENT);
    }
    if ((config->pairs &
         (1U << OC_VERIFY_PAIR_EPOLL_IO_URING | 1U << OC_VERIFY_PAIR_TOKIO_IO_URING)) != 0) {
        wanted |= STACK(IO_URING);
    }
    wanted = config->stacks != 0 ? config->stacks : wanted;
    for (uint32_t i = 0; i < OC_VERIFY_STACK_COUNT; i++) {
        available |= status[i].available ? 1U << i : 0;
    }
    return wanted & available;
}

static int read_aa(struct oc_verify__session *session)
{
    struct oc_verify_report *report = session->report;
    char kernels[KERNELS_BYTES];
    struct oc_verify__runs_head head = {
        .any_seed = true,
        .full = session->config->full,
        .kernel = kernels,
        .version = report->environment.version,
        .plan = &session->plan,
    };

    if (session->config->aa_path == NULL) {
        return 0;
    }
    name_kernels(report, kernels, sizeof(kernels));
    if (oc_verify__data_init(&report->aa, &session->plan) < 0) {
        (void)snprintf(session->error, session->error_size, "no memory");
        return -1;
    }
    /* What else that file says is overwritten by open_runs. */
    return oc_verify__runs_read(session->config->aa_path, &head, take_aa, &report->aa,
                                &session->past, session->error, session->error_size);
}

static void take_aa(void *context, const struct oc_verify__runs_line *line)
{
    (void)oc_verify__data_add(context, line->run, line->latency);
}

static int open_runs(struct oc_verify__session *session)
{
    const struct oc_verify_config *config = session->config;
    struct oc_verify_report *report = session->report;
    char kernels[KERNELS_BYTES];
    struct oc_verify__runs_head head = {
        .seed = config->seed,
        .full = config->full,
        .kernel = kernels,
        .version = report->environment.version,
        .plan = &session->plan,
    };
    int rc;

    session->past = (struct oc_verify__runs_past){0};
    for (uint32_t i = 0; i < OC_VERIFY__HOSTS_MAX; i++) {
        session->hosts[i] = (struct oc_verify__hello){
            .environment = i == 0 ? report->environment : report->server_environment,
            .costs = report->costs,
            .split = report->split,
        };
        memcpy(session->hosts[i].stacks, report->stacks, sizeof(report->stacks));
    }
    if (config->runs_path == NULL) {
        return 0;
    }
    name_kernels(report, kernels, sizeof(kernels));
    if (!config->resume) {
        return oc_verify__runs_create(config->runs_path, &head, session->error,
                                      session->error_size);
    }
    rc = oc_verify__runs_read(config->runs_path, &head, take_run, session, &session->past,
                              session->error, session->error_size);
    if (rc < 0) {
        return rc;
    }
    for (uint32_t cell = 0; cell < session->plan.cell_count; cell++) {
        oc_verify__data_drop(&report->data, cell, session->blocks_done[cell]);
    }
    report->runs_resumed = report->data.run_count;
    if (session->past.parts.count > 0) {
        rc = check_stacks(session);
        take_past(session);
    }
    return rc;
}

/* Runs of two programs under one name are no measurement of either. */
static int check_stacks(const struct oc_verify__session *session)
{
    for (uint32_t i = 0; i < OC_VERIFY_STACK_COUNT; i++) {
        const struct oc_verify_stack_status *now = &session->report->stacks[i];
        const struct oc_verify_stack_status *then = &session->past.hosts[0].stacks[i];
        if (now->available && strcmp(now->version, then->version) != 0) {
            (void)snprintf(
                session->error, session->error_size,
                "--resume: %s was \"%s\" when it was measured and is \"%s\" now: measure "
                "anew",
                oc_verify_stack_name(i), then->version, now->version);
            return -EINVAL;
        }
    }
    return 0;
}

/* The report is of the measurement, and not of the day on which it is judged. */
static void take_past(struct oc_verify__session *session)
{
    const struct oc_verify__hello *first = session->past.hosts;
    struct oc_verify_report *report = session->report;

    report->environment = first[0].environment;
    (void)snprintf(report->environment.command, sizeof(report->environment.command), "%s",
                   session->hosts[0].environment.command);
    report->server_environment = first[1].environment;
    report->costs = first[0].costs;
    report->split = first[0].split;
    report->parts = session->past.parts;
}

/* A block that was broken off has no last run; what there is of it goes when it begins anew. */
static void take_run(void *context, const struct oc_verify__runs_line *line)
{
    struct oc_verify__session *session = context;
    const struct oc_verify_run *run = line->run;

    if (run->order == 0) {
        oc_verify__data_drop(&session->report->data, run->cell, run->block);
    }
    (void)oc_verify__data_add(&session->report->data, run, line->latency);
    if (line->last) {
        session->blocks_done[run->cell] = run->block + 1;
    }
}

/* Before the first run of this process; a file that is only judged again gets no line. */
static int begin(struct oc_verify__session *session)
{
    const struct oc_verify_config *config = session->config;
    const uint32_t hosts = session->report->two_hosts ? 2 : 1;

    if (session->begun) {
        return 0;
    }
    session->begun = true;
    oc_verify__parts_begin(&session->report->parts, &session->hosts[0].environment,
                           hosts > 1 ? &session->hosts[1].environment : NULL);
    return config->runs_path == NULL
               ? 0
               : oc_verify__runs_begin(config->runs_path, session->past.size, session->hosts, hosts,
                                       session->error, session->error_size);
}

static int end(struct oc_verify__session *session)
{
    struct oc_verify_report *report = session->report;
    struct oc_verify__runs_past *past = &session->past;
    const struct oc_verify_environment *ends[] = {&report->environment,
                                                  &report->server_environment};
    int rc = 0;

    if (session->begun || past->parts.count == 0) {
        oc_verify__environment_end(&report->environment);
        if (report->two_hosts) {
            oc_verify__remote_end(&session->remote, &report->server_environment);
        }
        past->elapsed_s = oc_verify__elapsed_s(session);
        (void)snprintf(past->calls_why, sizeof(past->calls_why), "%s", session->rig.calls_why);
        if (session->begun && session->config->runs_path != NULL) {
            rc = oc_verify__runs_end(session->config->runs_path, ends, report->two_hosts ? 2 : 1,
                                     past, session->error, session->error_size);
        }
    }
    report->elapsed_s = past->elapsed_s;
    (void)snprintf(report->calls_why, sizeof(report->calls_why), "%s", past->calls_why);
    return rc;
}

static int measure(struct oc_verify__session *session)
{
    bool any = true;

    while (any) {
        if (make_round(session, true, &any) < 0) {
            return -1;
        }
    }
    do {
        any = true;
        while (any) {
            if (make_round(session, false, &any) < 0) {
                return -1;
            }
        }
    } while (!session->over && look(session));
    return 0;
}

/* One block of each cell that wants more, capacity cells or the others, in an order of its own. */
static int make_round(struct oc_verify__session *session, bool capacity, bool *any)
{
    const struct oc_verify_config *config = session->config;
    uint32_t order[OC_VERIFY__CELLS_MAX];
    uint32_t count = 0;
    struct oc_random random;

    for (uint32_t i = 0; i < session->plan.cell_count; i++) {
        if (oc_verify__cell_is_capacity(&session->plan.cells[i]) == capacity &&
            session->blocks_done[i] < session->blocks_wanted[i]) {
            order[count++] = i;
        }
    }
    *any = count > 0 && !session->over;
    oc_random_init(&random, config->seed + (count > 0 ? session->blocks_done[order[0]] : 0));
    for (uint32_t left = count; left > 0 && !session->over; left--) {
        uint32_t at = (uint32_t)oc_random_below(&random, left);
        uint32_t cell = order[at];
        order[at] = order[left - 1];
        if (config->stop != NULL && *config->stop != 0) {
            session->report->stopped = true;
            session->over = true;
        } else if (oc_verify__clock_ns() >= session->deadline_ns) {
            session->report->timed_out = true;
            session->over = true;
        } else {
            tell(session, cell);
            if (begin(session) < 0 || oc_verify__block_make(session, cell) < 0) {
                return -1;
            }
            session->seconds_done += oc_verify__cell_seconds(&session->plan.cells[cell]) *
                                     oc_verify__cell_runs(&session->plan.cells[cell]);
        }
    }
    session->report->stopped = session->report->stopped ||
                               (config->stop != NULL && *config->stop != 0);
    return 0;
}

static void tell(const struct oc_verify__session *session, uint32_t cell)
{
    struct oc_verify_progress progress = {
        .cell = &session->plan.cells[cell],
        .block = session->blocks_done[cell],
        .runs_done = session->report->data.run_count,
        .runs_planned = session->report->data.run_count,
        .elapsed_s = (double)(oc_verify__clock_ns() - session->start_ns) / 1e9,
    };
    double left_s = 0;

    if (session->config->on_progress == NULL) {
        return;
    }
    for (uint32_t i = 0; i < session->plan.cell_count; i++) {
        const struct oc_verify_cell *other = &session->plan.cells[i];
        uint32_t blocks = session->blocks_wanted[i] > session->blocks_done[i]
                              ? session->blocks_wanted[i] - session->blocks_done[i]
                              : 0;
        progress.runs_planned += blocks * oc_verify__cell_runs(other);
        left_s += blocks * oc_verify__cell_runs(other) * oc_verify__cell_seconds(other);
    }
    /* Twice as slow as planned so far: twice as slow in the rest. */
    if (session->seconds_done > 1.0) {
        left_s *= progress.elapsed_s / session->seconds_done;
    }
    progress.left_s = left_s;
    session->config->on_progress(session->config->context, &progress);
}

static int judge(struct oc_verify__session *session)
{
    const struct oc_verify_config *config = session->config;
    struct oc_verify_report *report = session->report;

    oc_arena_deinit(&report->arena);
    oc_arena_init(&report->arena);
    report->judgement_config = (struct oc_judgement_config){
        .seed = config->seed,
        .resamples = config->resamples != 0 ? config->resamples : OC_BOOTSTRAP_RESAMPLES,
        .pairs = config->pairs,
        .thresholds = config->thresholds,
        .costs = report->costs,
        .aa = session->config->aa_path == NULL ? NULL : &report->aa,
    };
    if (oc_judgement_make(&report->judgement, &report->data, &report->judgement_config,
                          &report->arena) < 0) {
        (void)snprintf(session->error, session->error_size, "no memory for the judgement");
        return -1;
    }
    return 0;
}

/* After the planned blocks: more for gate cells that are undecided, up to the next look. */
static bool look(struct oc_verify__session *session)
{
    struct oc_verify_report *report = session->report;
    struct oc_gate_input input;
    bool more = false;

    if (!session->config->full || judge(session) < 0) {
        return false;
    }
    input = oc_judgement_gate_input(&report->judgement, &report->judgement_config);
    for (uint32_t cell = 0; cell < session->plan.cell_count; cell++) {
        for (uint32_t pair = 0; pair < OC_VERIFY_PAIR_COUNT; pair++) {
            uint32_t wanted;
            if (session->plan.cells[cell].gate == OC_VERIFY_GATE_NONE ||
                (session->config->pairs >> pair & 1U) == 0) {
                continue;
            }
            wanted = oc_gate_blocks_wanted(&input, &report->judgement.gates[pair], cell);
            if (wanted > session->blocks_wanted[cell]) {
                session->blocks_wanted[cell] = wanted;
                more = true;
            }
        }
    }
    return more;
}
