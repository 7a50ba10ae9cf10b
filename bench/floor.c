/*
 * The floor, and the plain clients that measure it and the venue alike: the C half of
 * bench/floor.py, which starts the servers, reads their CPU time and does the statistics.
 *
 * The floor is what TCP itself costs: a blocking server that answers every frame with a frame of
 * the same size as the venue's answer, made of a fixed text. It looks at nothing but the four bytes
 * of length. The clients are blocking too, with one socket for each connection, so that none of the
 * cost of a load generator is in what they measure; they send the frames of the pingpong flow (a
 * buy that rests, a sell that fills it). Everybody has TCP_NODELAY and reno, on 127.0.0.1.
 *
 *   bench_floor serve CPU LISTENERS REQUEST:REPLY...
 *       prints its port; takes LISTENERS connections, then serves each further one on a thread.
 *       REQUEST:REPLY are sizes of whole frames; after a request of the last of these sizes every
 *       listener is sent the bytes of its reply, in a bare loop of send(2).
 *   bench_floor rtt CPU ROUNDS COUNT PORT...
 *       one request at a time; in each round COUNT on each port, the first port moving on by one.
 *       Prints: round, port's index, median of a buy and of a sell in ns, their reply sizes.
 *   bench_floor pump CPU WINDOW COUNT PORT
 *       keeps WINDOW requests under way until COUNT are answered; prints the nanoseconds.
 *   bench_floor open CPU CONNECTIONS RATE COUNT PORT
 *       sends COUNT requests by a schedule fixed beforehand, RATE a second of all CONNECTIONS in
 *       turn, spinning; prints the 50th and 99th percentile of the ns since the intended time.
 *   bench_floor hear CPU LISTENERS TRADES PORT
 *       connects LISTENERS that never send, then trades TRADES times, reading everybody's copy a
 *       fixed time after each. Prints a line when ready; then one round for each line of input,
 *       with a line when it is done.
 */
#define _GNU_SOURCE /* sched_setaffinity */
#include <errno.h>
#include <inttypes.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <pthread.h>
#include <sched.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "wire/reply.h"
#include "wire/wire.h"

#define BUFFER_BYTES  65536U
#define PORTS_MAX     8
#define SIZES_MAX     8
#define LISTENERS_MAX 8192U
#define USER_ID       101U
#define PRICE_TICKS   50000
#define QTY_LOTS      10U
/* Between a trade and the reading of its copies: longer than any server here takes to send them. */
#define HEAR_NS 15000000U

/* One frame of the flow, or the answer to it. */
struct frame {
    uint32_t size;
    uint8_t bytes[OC_WIRE_REQUEST_BYTES_MAX];
};

/* A client's connection: what it received and has not looked at. */
struct peer {
    int fd;
    uint32_t size;
    uint8_t bytes[BUFFER_BYTES];
};

/* What the floor answers to a request of this size. */
struct answer {
    uint32_t request_size;
    struct frame reply;
};

static struct frame buy;
static struct frame sell;

/* Of the floor: read-only once it serves. */
static struct answer answers[SIZES_MAX];
static int answer_count;
static int listeners[LISTENERS_MAX];
static uint32_t listener_count;

static int serve(int argc, char **argv);
static int rtt(int argc, char **argv);
static int pump(int argc, char **argv);
static int open_loop(int argc, char **argv);
static int hear(int argc, char **argv);

static _Noreturn void die(const char *what)
{
    (void)fprintf(stderr, "bench_floor: %s: %s\n", what, strerror(errno));
    exit(1);
}

static uint64_t now_ns(void)
{
    struct timespec now;

    (void)clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000000000U + (uint64_t)now.tv_nsec;
}

static void pin(const char *cpu)
{
    cpu_set_t set;

    CPU_ZERO(&set);
    CPU_SET((size_t)strtoul(cpu, NULL, 10), &set);
    if (sched_setaffinity(0, sizeof(set), &set) < 0) {
        die("sched_setaffinity");
    }
}

static void tune(int fd)
{
    const int one = 1;

    if (setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one)) < 0 ||
        setsockopt(fd, IPPROTO_TCP, TCP_CONGESTION, "reno", 4) < 0) {
        die("setsockopt");
    }
}

/* A symbol for each number, all of the same size. */
static void make_frames(uint32_t number, struct frame *buy_frame, struct frame *sell_frame)
{
    struct oc_command command = {
        .kind = OC_COMMAND_NEW,
        .user_id = USER_ID,
        .new_order = {.side = OC_BUY, .price_ticks = PRICE_TICKS, .qty_lots = QTY_LOTS},
    };
    char symbol[OC_SYMBOL_BYTES_MAX];

    command.new_order.symbol.size = (uint8_t)snprintf(symbol, sizeof(symbol), "PP%05" PRIu32,
                                                      number % 100000);
    memcpy(command.new_order.symbol.bytes, symbol, command.new_order.symbol.size);
    buy_frame->size = (uint32_t)oc_wire_encode_request(&command, buy_frame->bytes);
    command.new_order.side = OC_SELL;
    sell_frame->size = (uint32_t)oc_wire_encode_request(&command, sell_frame->bytes);
}

int main(int argc, char **argv)
{
    static const struct {
        const char *name;
        int arguments_min;
        int (*run)(int argc, char **argv);
    } parts[] = {{"serve", 5, serve},
                 {"rtt", 6, rtt},
                 {"pump", 6, pump},
                 {"open", 7, open_loop},
                 {"hear", 6, hear}};

    make_frames(0, &buy, &sell);
    for (size_t i = 0; argc > 2 && i < sizeof(parts) / sizeof(*parts); i++) {
        if (strcmp(argv[1], parts[i].name) == 0 && argc >= parts[i].arguments_min) {
            pin(argv[2]);
            return parts[i].run(argc, argv);
        }
    }
    (void)printf("bench_floor is a part of bench/floor.py, which is what to run\n");
    return argc > 1 ? 2 : 0;
}

static void send_all(int fd, const uint8_t *bytes, size_t size)
{
    while (size > 0) {
        ssize_t sent = send(fd, bytes, size, MSG_NOSIGNAL);

        if (sent <= 0) {
            die("send");
        }
        bytes += sent;
        size -= (size_t)sent;
    }
}

/* Receives at least one more byte behind what is there. */
static bool receive_more(struct peer *peer)
{
    ssize_t received = recv(peer->fd, peer->bytes + peer->size, BUFFER_BYTES - peer->size, 0);

    if (received > 0) {
        peer->size += (uint32_t)received;
    }
    return received > 0;
}

static void drop(struct peer *peer, size_t size)
{
    peer->size -= (uint32_t)size;
    memmove(peer->bytes, peer->bytes + size, peer->size);
}

/* ---- the floor ---- */

static int listen_any(void)
{
    struct sockaddr_in in = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t size = sizeof(in);
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

    if (fd < 0) {
        die("socket");
    }
    tune(fd); /* accepted sockets inherit both */
    if (bind(fd, (struct sockaddr *)&in, sizeof(in)) < 0 || listen(fd, 4096) < 0 ||
        getsockname(fd, (struct sockaddr *)&in, &size) < 0) {
        die("listen");
    }
    (void)printf("%u\n", ntohs(in.sin_port));
    (void)fflush(stdout);
    return fd;
}

static void read_answer(const char *text, struct answer *answer)
{
    char *end;
    uint32_t size;

    answer->request_size = (uint32_t)strtoul(text, &end, 10);
    size = *end == ':' ? (uint32_t)strtoul(end + 1, NULL, 10) : 0;
    if (size <= OC_FRAME_HEADER_BYTES || size > sizeof(answer->reply.bytes)) {
        errno = EINVAL;
        die(text);
    }
    memset(answer->reply.bytes, '.', size);
    memset(answer->reply.bytes, 0, OC_FRAME_HEADER_BYTES);
    answer->reply.bytes[2] = (uint8_t)((size - OC_FRAME_HEADER_BYTES) >> 8);
    answer->reply.bytes[3] = (uint8_t)(size - OC_FRAME_HEADER_BYTES);
    answer->reply.size = size;
}

/* Answers every whole frame that is there with one send; frames of unknown size like the first. */
static void answer_all(struct peer *peer, uint8_t *out)
{
    size_t out_size = 0;
    size_t done = 0;
    size_t frame_size;

    while (oc_wire_frame_next(peer->bytes + done, peer->size - done, &frame_size) ==
           OC_WIRE_FRAME_COMPLETE) {
        const struct frame *reply = &answers[0].reply;
        bool told = false;

        for (int i = 0; i < answer_count; i++) {
            if (answers[i].request_size == frame_size) {
                reply = &answers[i].reply;
                told = i == answer_count - 1;
            }
        }
        memcpy(out + out_size, reply->bytes, reply->size);
        out_size += reply->size;
        for (uint32_t i = 0; told && i < listener_count; i++) {
            send_all(listeners[i], reply->bytes, reply->size);
        }
        done += frame_size;
    }
    send_all(peer->fd, out, out_size);
    drop(peer, done);
}

static void *serve_one(void *context)
{
    struct peer *peer = context;
    uint8_t *out = malloc((size_t)BUFFER_BYTES * 16);

    if (out == NULL) {
        die("malloc");
    }
    while (receive_more(peer)) {
        answer_all(peer, out);
    }
    (void)close(peer->fd);
    free(out);
    free(peer);
    return NULL;
}

static int serve(int argc, char **argv)
{
    int listening;
    int fd;

    listener_count = (uint32_t)strtoul(argv[3], NULL, 10);
    answer_count = argc - 4 < SIZES_MAX ? argc - 4 : SIZES_MAX;
    for (int i = 0; i < answer_count; i++) {
        read_answer(argv[4 + i], &answers[i]);
    }
    if (listener_count > LISTENERS_MAX) {
        errno = EINVAL;
        die("listeners");
    }
    listening = listen_any();
    for (uint32_t i = 0; i < listener_count; i++) {
        listeners[i] = accept(listening, NULL, NULL);
        if (listeners[i] < 0) {
            die("accept");
        }
    }
    while ((fd = accept(listening, NULL, NULL)) >= 0) {
        struct peer *peer = calloc(1, sizeof(*peer));
        pthread_t thread;

        if (peer == NULL) {
            die("calloc");
        }
        peer->fd = fd;
        errno = pthread_create(&thread, NULL, serve_one, peer);
        if (errno != 0) {
            die("pthread_create");
        }
        (void)pthread_detach(thread);
    }
    die("accept");
}

/* ---- the clients ---- */

static int connect_to(const char *port)
{
    struct sockaddr_in in = {
        .sin_family = AF_INET,
        .sin_addr.s_addr = htonl(INADDR_LOOPBACK),
        .sin_port = htons((uint16_t)strtoul(port, NULL, 10)),
    };
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

    if (fd < 0) {
        die("socket");
    }
    tune(fd);
    if (connect(fd, (struct sockaddr *)&in, sizeof(in)) < 0) {
        die("connect");
    }
    return fd;
}

/* Sends one frame and waits for one. Returns the size of that one. */
static uint32_t ask(struct peer *peer, const struct frame *frame)
{
    size_t reply_size;

    send_all(peer->fd, frame->bytes, frame->size);
    while (oc_wire_frame_next(peer->bytes, peer->size, &reply_size) != OC_WIRE_FRAME_COMPLETE) {
        if (!receive_more(peer)) {
            die("recv");
        }
    }
    drop(peer, reply_size);
    return (uint32_t)reply_size;
}

/* A connection that hears no trades but its own. */
static void begin(struct peer *peer, const char *port)
{
    struct frame quiet;
    struct oc_command command = {
        .kind = OC_COMMAND_SESSION_SET,
        .settings = {.given = OC_SETTING_TRADES},
    };

    quiet.size = (uint32_t)oc_wire_encode_request(&command, quiet.bytes);
    peer->fd = connect_to(port);
    peer->size = 0;
    (void)ask(peer, &quiet);
}

static int compare_u64(const void *left, const void *right)
{
    uint64_t a;
    uint64_t b;

    memcpy(&a, left, sizeof(a));
    memcpy(&b, right, sizeof(b));
    return (a > b) - (a < b);
}

static int rtt(int argc, char **argv)
{
    static struct peer peers[PORTS_MAX];
    const uint32_t rounds = (uint32_t)strtoul(argv[3], NULL, 10);
    const uint32_t count = (uint32_t)strtoul(argv[4], NULL, 10) / 2;
    const uint32_t ports = argc - 5 < PORTS_MAX ? (uint32_t)(argc - 5) : PORTS_MAX;
    uint64_t *took_ns = calloc(2 * ((size_t)count + 1), sizeof(*took_ns));

    if (took_ns == NULL || count == 0) {
        die("count");
    }
    for (uint32_t port = 0; port < ports; port++) {
        begin(&peers[port], argv[5 + port]);
    }
    for (uint32_t round = 0; round < rounds; round++) {
        for (uint32_t turn = 0; turn < ports; turn++) {
            uint32_t port = (round + turn) % ports;
            uint32_t sizes[2] = {0, 0};

            for (uint32_t i = 0; i < count; i++) {
                uint64_t start_ns = now_ns();
                uint64_t middle_ns;

                sizes[0] = ask(&peers[port], &buy);
                middle_ns = now_ns();
                sizes[1] = ask(&peers[port], &sell);
                took_ns[i] = middle_ns - start_ns;
                took_ns[count + i] = now_ns() - middle_ns;
            }
            qsort(took_ns, count, sizeof(*took_ns), compare_u64);
            qsort(took_ns + count, count, sizeof(*took_ns), compare_u64);
            (void)printf("%u %u %" PRIu64 " %" PRIu64 " %u:%u %u:%u\n", round, port,
                         took_ns[count / 2], took_ns[count + count / 2], buy.size, sizes[0],
                         sell.size, sizes[1]);
        }
    }
    free(took_ns);
    return 0;
}

/* Appends the next `count` requests of the flow; *sent counts them. */
static size_t put_requests(uint8_t *out, uint64_t count, uint64_t *sent)
{
    size_t size = 0;

    for (; count > 0; count--) {
        const struct frame *frame = *sent % 2 == 0 ? &buy : &sell;

        memcpy(out + size, frame->bytes, frame->size);
        size += frame->size;
        ++*sent;
    }
    return size;
}

static int pump(int argc, char **argv)
{
    static struct peer peer;
    static uint8_t out[BUFFER_BYTES * 16];
    const uint64_t window = strtoull(argv[3], NULL, 10);
    const uint64_t count = strtoull(argv[4], NULL, 10);
    uint64_t answered = 0;
    uint64_t sent = 0;
    uint64_t start_ns;

    (void)argc;
    if (window == 0 || window > 4096) {
        errno = EINVAL;
        die("window");
    }
    begin(&peer, argv[5]);
    start_ns = now_ns();
    send_all(peer.fd, out, put_requests(out, window < count ? window : count, &sent));
    while (answered < count) {
        uint64_t replies = 0;
        size_t done = 0;
        size_t size;

        if (!receive_more(&peer)) {
            die("recv");
        }
        while (oc_wire_frame_next(peer.bytes + done, peer.size - done, &size) ==
               OC_WIRE_FRAME_COMPLETE) {
            done += size;
            replies++;
        }
        drop(&peer, done);
        answered += replies;
        replies = replies < count - sent ? replies : count - sent;
        if (replies > 0) {
            send_all(peer.fd, out, put_requests(out, replies, &sent));
        }
    }
    (void)printf("%" PRIu64 "\n", now_ns() - start_ns);
    return 0;
}

/* One connection of the open loop: its replies come in the order of its requests. */
struct flow {
    struct peer peer;
    struct frame buy;
    struct frame sell;
    uint64_t sent;
    uint64_t answered;
};

/* Records the latency of every reply that is there. Returns their number. */
static uint64_t take_replies(struct flow *flows, uint32_t index, uint32_t connections,
                             uint64_t start_ns, double gap_ns, uint64_t *took_ns)
{
    struct flow *flow = &flows[index];
    uint64_t count = 0;
    size_t done = 0;
    size_t size;
    uint64_t now;

    if (!receive_more(&flow->peer)) {
        die("recv");
    }
    now = now_ns();
    while (oc_wire_frame_next(flow->peer.bytes + done, flow->peer.size - done, &size) ==
           OC_WIRE_FRAME_COMPLETE) {
        uint64_t number = flow->answered * connections + index;
        uint64_t due_ns = start_ns + (uint64_t)((double)number * gap_ns);

        took_ns[number] = now - due_ns;
        flow->answered++;
        done += size;
        count++;
    }
    drop(&flow->peer, done);
    return count;
}

static int open_loop(int argc, char **argv)
{
    const uint32_t connections = (uint32_t)strtoul(argv[3], NULL, 10);
    const double gap_ns = 1e9 / strtod(argv[4], NULL);
    const uint64_t count = strtoull(argv[5], NULL, 10) / connections * connections;
    struct flow *flows = calloc(connections, sizeof(*flows));
    uint64_t *took_ns = calloc(count, sizeof(*took_ns));
    struct epoll_event ready[64];
    int epoll = epoll_create1(EPOLL_CLOEXEC);
    uint64_t answered = 0;
    uint64_t sent = 0;
    uint64_t start_ns;

    (void)argc;
    if (flows == NULL || took_ns == NULL || epoll < 0) {
        die("open");
    }
    for (uint32_t i = 0; i < connections; i++) {
        struct epoll_event event = {.events = EPOLLIN, .data.u32 = i};

        make_frames(i, &flows[i].buy, &flows[i].sell);
        begin(&flows[i].peer, argv[6]);
        if (epoll_ctl(epoll, EPOLL_CTL_ADD, flows[i].peer.fd, &event) < 0) {
            die("epoll_ctl");
        }
    }
    start_ns = now_ns();
    while (answered < count) {
        int ready_count = epoll_wait(epoll, ready, 64, 0);

        for (int i = 0; i < ready_count; i++) {
            answered += take_replies(flows, ready[i].data.u32, connections, start_ns, gap_ns,
                                     took_ns);
        }
        while (sent < count && now_ns() - start_ns >= (uint64_t)((double)sent * gap_ns)) {
            struct flow *flow = &flows[sent % connections];
            const struct frame *frame = flow->sent++ % 2 == 0 ? &flow->buy : &flow->sell;

            send_all(flow->peer.fd, frame->bytes, frame->size);
            sent++;
        }
    }
    qsort(took_ns, count, sizeof(*took_ns), compare_u64);
    (void)printf("%" PRIu64 " %" PRIu64 "\n", took_ns[count / 2], took_ns[count * 99 / 100]);
    free(took_ns);
    free(flows);
    return 0;
}

static void sleep_until(uint64_t deadline_ns)
{
    const struct timespec deadline = {.tv_sec = (time_t)(deadline_ns / 1000000000U),
                                      .tv_nsec = (long)(deadline_ns % 1000000000U)};

    while (clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &deadline, NULL) == EINTR) {
    }
}

/* A trade each HEAR_NS, and what everybody hears of it. */
static void hear_round(struct peer *trader, uint32_t trades)
{
    uint8_t copy[OC_WIRE_REPLY_BYTES_MAX];

    for (uint32_t trade = 0; trade < trades; trade++) {
        uint64_t start_ns = now_ns();
        uint32_t size;

        (void)ask(trader, &buy);
        size = ask(trader, &sell);
        sleep_until(start_ns + HEAR_NS);
        for (uint32_t i = 0; i < listener_count; i++) {
            if (recv(listeners[i], copy, size, MSG_WAITALL) != (ssize_t)size) {
                die("recv of a listener");
            }
        }
    }
}

static int hear(int argc, char **argv)
{
    static struct peer trader;
    const uint32_t trades = (uint32_t)strtoul(argv[4], NULL, 10);

    (void)argc;
    listener_count = (uint32_t)strtoul(argv[3], NULL, 10);
    if (listener_count > LISTENERS_MAX) {
        errno = EINVAL;
        die("listeners");
    }
    for (uint32_t i = 0; i < listener_count; i++) {
        listeners[i] = connect_to(argv[5]);
    }
    begin(&trader, argv[5]); /* accepted after all the others */
    (void)printf("ready\n");
    (void)fflush(stdout);
    while (getchar() != EOF) {
        hear_round(&trader, trades);
        (void)printf("done\n");
        (void)fflush(stdout);
    }
    return 0;
}
