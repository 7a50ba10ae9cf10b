/*
 * Small loops around one call each; the median of rounds is what counts.
 */
#define _GNU_SOURCE /* accept4 */
#include "verify/calibrate.h"

#include <math.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "core/arena.h"
#include "verify/clock.h"
#include "verify/process.h"
#include "wire/reply.h"
#include "wire/wire.h"

#define ROUNDS        31U
#define CALLS         1000U
#define MESSAGE_BYTES 64U
/* Messages written before they are read: they fit every socket buffer. */
#define BURST 256U

/* One kind of call, done `count` times. */
struct subject {
    void (*run)(struct subject *subject, uint32_t count);
    int fds[2];
    int epoll_fd;
    struct oc_wire_encoder *encoder;
    uint8_t frame[OC_WIRE_REQUEST_BYTES_MAX];
    size_t frame_size;
    struct oc_event events[2];
};

static double median_ns(struct subject *subject, uint32_t count);
static int compare(const void *left, const void *right);
static void call_bare(struct subject *subject, uint32_t count);
static void call_epoll_wait(struct subject *subject, uint32_t count);
static void call_eventfd(struct subject *subject, uint32_t count);
static int make_tcp_pair(int fds[2]);
static void measure_socket(double *read_ns, double *write_ns);
static double measure_switch(void);
static void *answer(void *argument);
static void codec_decode(struct subject *subject, uint32_t count);
static void codec_encode(struct subject *subject, uint32_t count);
static void measure_codec(struct oc_verify_split *split);

void oc_verify__calibrate(int cpu, double (*apply_ns)(void), struct oc_verify_costs *costs,
                          struct oc_verify_split *split)
{
    struct subject subject = {.run = call_bare};
    struct epoll_event event = {.events = EPOLLIN};

    oc_verify__process_pin(cpu);
    *costs = OC_VERIFY_COSTS_NONE;
    costs->call_ns = median_ns(&subject, CALLS);
    subject.run = call_epoll_wait;
    subject.fds[0] = eventfd(1, EFD_CLOEXEC);
    subject.epoll_fd = epoll_create1(EPOLL_CLOEXEC);
    if (epoll_ctl(subject.epoll_fd, EPOLL_CTL_ADD, subject.fds[0], &event) == 0) {
        costs->epoll_wait_ns = median_ns(&subject, CALLS);
    }
    (void)close(subject.fds[0]);
    (void)close(subject.epoll_fd);
    measure_socket(&costs->read_ns, &costs->write_ns);
    costs->switch_ns = measure_switch();
    measure_codec(split);
    split->apply_ns = apply_ns == NULL ? NAN : apply_ns();
}

/* Of one call; the first round warms up. */
static double median_ns(struct subject *subject, uint32_t count)
{
    double rounds[ROUNDS];

    subject->run(subject, count);
    for (uint32_t i = 0; i < ROUNDS; i++) {
        uint64_t begin_ns = oc_verify__clock_ns();
        subject->run(subject, count);
        rounds[i] = (double)(oc_verify__clock_ns() - begin_ns) / count;
    }
    qsort(rounds, ROUNDS, sizeof(rounds[0]), compare);
    return rounds[ROUNDS / 2];
}

static int compare(const void *left, const void *right)
{
    double a = *(const double *)left;
    double b = *(const double *)right;

    return (a > b) - (a < b);
}

/* syscall(2) itself: a library may remember the answer of getppid(2). */
static void call_bare(struct subject *subject, uint32_t count)
{
    (void)subject;
    for (uint32_t i = 0; i < count; i++) {
        (void)syscall(SYS_getppid);
    }
}

static void call_epoll_wait(struct subject *subject, uint32_t count)
{
    struct epoll_event event;

    for (uint32_t i = 0; i < count; i++) {
        (void)epoll_wait(subject->epoll_fd, &event, 1, 0);
    }
}

/* A write and a read that wake nobody and wait for nobody. */
static void call_eventfd(struct subject *subject, uint32_t count)
{
    for (uint32_t i = 0; i < count; i++) {
        uint64_t one = 1;
        if (write(subject->fds[0], &one, sizeof(one)) < 0 ||
            read(subject->fds[0], &one, sizeof(one)) < 0) {
            return;
        }
    }
}

static int make_tcp_pair(int fds[2])
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t size = sizeof(address);
    const int one = 1;
    int listening = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

    fds[0] = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    fds[1] = -1;
    if (listening >= 0 && bind(listening, (struct sockaddr *)&address, size) == 0 &&
        listen(listening, 1) == 0 &&
        getsockname(listening, (struct sockaddr *)&address, &size) == 0 &&
        connect(fds[0], (struct sockaddr *)&address, size) == 0) {
        fds[1] = accept4(listening, NULL, NULL, SOCK_CLOEXEC);
    }
    if (listening >= 0) {
        (void)close(listening);
    }
    if (fds[1] < 0) {
        (void)close(fds[0]);
        return -1;
    }
    (void)setsockopt(fds[0], IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
    (void)setsockopt(fds[0], IPPROTO_TCP, TCP_CONGESTION, "reno", 4);
    return 0;
}

/* Writing includes the receiver's half of TCP: loopback delivers within the sender's call. */
static void measure_socket(double *read_ns, double *write_ns)
{
    char bytes[MESSAGE_BYTES] = {0};
    double reads[ROUNDS];
    double writes[ROUNDS];
    int fds[2];

    if (make_tcp_pair(fds) < 0) {
        return;
    }
    for (uint32_t round = 0; round < ROUNDS; round++) {
        uint64_t begin_ns = oc_verify__clock_ns();
        uint64_t middle_ns;
        for (uint32_t i = 0; i < BURST; i++) {
            (void)send(fds[0], bytes, sizeof(bytes), MSG_NOSIGNAL);
        }
        middle_ns = oc_verify__clock_ns();
        for (uint32_t i = 0; i < BURST; i++) {
            (void)recv(fds[1], bytes, sizeof(bytes), 0);
        }
        writes[round] = (double)(middle_ns - begin_ns) / BURST;
        reads[round] = (double)(oc_verify__clock_ns() - middle_ns) / BURST;
    }
    (void)close(fds[0]);
    (void)close(fds[1]);
    qsort(reads, ROUNDS, sizeof(reads[0]), compare);
    qsort(writes, ROUNDS, sizeof(writes[0]), compare);
    *read_ns = reads[ROUNDS / 2];
    *write_ns = writes[ROUNDS / 2];
}

/*
 * Two threads on this CPU hand an eventfd to and fro: a round trip is two switches with their
 * wake-ups, two writes and two reads. The latter are measured alone and subtracted.
 */
static double measure_switch(void)
{
    struct subject alone = {.run = call_eventfd};
    int fds[2] = {eventfd(0, EFD_CLOEXEC), eventfd(0, EFD_CLOEXEC)};
    double rounds[ROUNDS];
    double result = NAN;
    pthread_t thread;

    if (fds[0] >= 0 && fds[1] >= 0 && pthread_create(&thread, NULL, answer, fds) == 0) {
        for (uint32_t round = 0; round < ROUNDS; round++) {
            uint64_t begin_ns = oc_verify__clock_ns();
            for (uint32_t i = 0; i < BURST; i++) {
                uint64_t one = 1;
                if (write(fds[0], &one, sizeof(one)) < 0 || read(fds[1], &one, sizeof(one)) < 0) {
                    break;
                }
            }
            rounds[round] = (double)(oc_verify__clock_ns() - begin_ns) / BURST;
        }
        (void)pthread_join(thread, NULL);
        qsort(rounds, ROUNDS, sizeof(rounds[0]), compare);
        alone.fds[0] = fds[0];
        result = rounds[ROUNDS / 2] / 2 - median_ns(&alone, CALLS);
    }
    (void)close(fds[0]);
    (void)close(fds[1]);
    return result > 0 ? result : NAN;
}

static void *answer(void *argument)
{
    const int *fds = argument;

    for (uint32_t i = 0; i < ROUNDS * BURST; i++) {
        uint64_t one = 1;
        if (read(fds[0], &one, sizeof(one)) < 0 || write(fds[1], &one, sizeof(one)) < 0) {
            break;
        }
    }
    return NULL;
}

static void codec_decode(struct subject *subject, uint32_t count)
{
    struct oc_command command;

    for (uint32_t i = 0; i < count; i++) {
        (void)oc_wire_decode_request(subject->frame + OC_FRAME_HEADER_BYTES,
                                     subject->frame_size - OC_FRAME_HEADER_BYTES, &command);
        /* The compiler must not see that nobody reads it. */
        __asm__ volatile("" : : "r"(&command) : "memory");
    }
}

static void codec_encode(struct subject *subject, uint32_t count)
{
    for (uint32_t i = 0; i < count; i++) {
        struct oc_wire_span span = oc_wire_encode(subject->encoder, &subject->events[i % 2]);
        __asm__ volatile("" : : "r"(span.bytes) : "memory");
    }
}

/* The messages of the pingpong flow: new orders in, a confirmation and a trade in turn out. */
static void measure_codec(struct oc_verify_split *split)
{
    struct oc_command command = {
        .kind = OC_COMMAND_NEW,
        .user_id = 1,
        .new_order = {.symbol = {3, "PP1"}, .price_ticks = 50000, .qty_lots = 10},
    };
    struct oc_event instrument = {.kind = OC_EVENT_INSTRUMENT,
                                  .instrument_made = {.symbol = {3, "PP1"}}};
    struct subject subject = {
        .run = codec_decode,
        .events = {{.kind = OC_EVENT_CONFIRMED, .order = {.order_id = 100001, .user_id = 1}},
                   {.kind = OC_EVENT_TRADE,
                    .trade = {.trade_id = 50000,
                              .time_ns = 1732233600000000000U,
                              .price_ticks = 50000,
                              .qty_lots = 10,
                              .buyer_user_id = 1,
                              .buyer_order_id = 100001,
                              .seller_user_id = 1,
                              .seller_order_id = 100002}}},
    };
    struct oc_arena arena;

    *split = (struct oc_verify_split){.decode_ns = NAN, .encode_ns = NAN};
    oc_arena_init(&arena);
    subject.encoder = oc_wire_encoder_create(&arena, 1);
    if (subject.encoder != NULL) {
        (void)oc_wire_encode(subject.encoder, &instrument);
        subject.frame_size = oc_wire_encode_request(&command, subject.frame);
        split->decode_ns = median_ns(&subject, CALLS);
        subject.run = codec_encode;
        split->encode_ns = median_ns(&subject, CALLS);
    }
    oc_arena_deinit(&arena);
}
