/*
 * Goal: the best oracle of the stacks and of threads: the same script of bytes on one connection,
 * under a clock that stands still, gives the same bytes back. Method: 20,000 seeded requests (4,000
 * where OUTCRY_SANITIZE is set), valid and broken, written in random pieces to a server on each
 * backend, inline and dedicated; every byte of the answers is compared, and the engines' state
 * hashes. Fails when a backend loses, doubles or reorders a byte, or when a reply depends on how
 * bytes were cut.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>
#include <cmocka.h>

#include "core/random.h"
#include "support/bench.h"

#define REQUESTS           20000U
#define REQUESTS_SANITIZED 4000U
#define SEED               20261122ULL

struct answer {
    char *bytes;
    size_t size;
    uint64_t state_hash;
};

static uint32_t request_count;
static char *script;
static size_t script_size;

static void append_frame(const char *payload, size_t size)
{
    char head[4] = {0, (char)(size >> 16), (char)(size >> 8), (char)size};
    memcpy(script + script_size, head, 4);
    memcpy(script + script_size + 4, payload, size);
    script_size += size + 4;
}

/* One request: mostly orders near one price, some of everything else, some broken. */
static void append_request(struct oc_random *random, uint64_t number)
{
    char json[400];
    unsigned user = (unsigned)oc_random_below(random, 5);
    unsigned symbol = (unsigned)oc_random_below(random, 20); /* the last 4 are beyond the limit */
    unsigned price = 100 + (unsigned)oc_random_below(random, 30);
    unsigned quantity = (unsigned)oc_random_below(random, 50);
    uint64_t order_id = 1 + oc_random_below(random, number + 2);
    const char *side = oc_random_below(random, 2) == 0 ? "Buy" : "Sell";
    switch (oc_random_below(random, 16)) {
    case 0:
        (void)snprintf(json, sizeof json, "{\"user_id\":%u,\"order_id\":%llu,\"request_id\":%llu}",
                       user, (unsigned long long)order_id, (unsigned long long)number);
        break;
    case 1:
        (void)snprintf(json, sizeof json,
                       "{\"user_id\":%u,\"order_id\":%llu,\"price\":%u,\"quantity\":%u}", user,
                       (unsigned long long)order_id, price, quantity);
        break;
    case 2:
        (void)snprintf(json, sizeof json, "{\"book\":\"S%u\",\"depth\":%u}", symbol, quantity);
        break;
    case 3:
        (void)snprintf(json, sizeof json, "{\"user_id\":%u,\"open_orders\":true}", user);
        break;
    case 4:
        (void)snprintf(json, sizeof json,
                       "{\"user_id\":%u,\"mass_cancel\":true,\"symbol\":\"S%u\"}", user, symbol);
        break;
    case 5:
        (void)snprintf(json, sizeof json, "{\"session\":{\"reports\":\"%s\",\"trades\":\"%s\"}}",
                       quantity % 2 ? "on" : "off", quantity % 3 ? "on" : "off");
        break;
    case 6:
        (void)snprintf(json, sizeof json, "{\"user_id\":%u,\"qty\":%u,\"order_id\":3}", user,
                       price);
        break;
    case 7:
        (void)snprintf(json, sizeof json, "{\"user_id\":%u,\"symbol\":\"S%u\" \"order_type\"", user,
                       symbol);
        break;
    default:
        (void)snprintf(json, sizeof json,
                       "{\"user_id\":%u,\"symbol\":\"S%u\",\"order_type\":\"%s\",\"price\":%u,"
                       "\"quantity\":%u%s,\"client_order_id\":\"c%llu\"}",
                       user, symbol, side, price, quantity,
                       quantity % 5 == 0 ? ",\"time_in_force\":\"IOC\"" : "",
                       (unsigned long long)(number % 97));
        break;
    }
    append_frame(json, strlen(json));
}

static void make_script(void)
{
    struct oc_random random;
    const char *sanitizers = getenv("OUTCRY_SANITIZE");
    oc_random_init(&random, SEED);
    request_count = sanitizers != NULL && *sanitizers != '\0' ? REQUESTS_SANITIZED : REQUESTS;
    script = malloc((size_t)request_count * 404);
    assert_non_null(script);
    for (uint64_t i = 0; i < request_count; i++) {
        append_request(&random, i);
    }
}

/* Writes the script in random pieces and reads all answers until the server's FIN. */
static void converse(int fd, uint64_t cut_seed, struct answer *answer)
{
    struct oc_random random;
    size_t capacity = 1 << 20;
    size_t written = 0;
    oc_random_init(&random, cut_seed);
    answer->bytes = malloc(capacity);
    answer->size = 0;
    for (;;) {
        struct pollfd wait = {.fd = fd, .events = POLLIN};
        ssize_t rc;
        wait.events |= written < script_size ? POLLOUT : 0;
        assert_true(poll(&wait, 1, 20000) == 1);
        if (wait.revents & POLLOUT) {
            size_t piece = 1 + oc_random_below(&random, written % 7 == 0 ? 3 : 6000);
            piece = piece < script_size - written ? piece : script_size - written;
            rc = send(fd, script + written, piece, MSG_DONTWAIT | MSG_NOSIGNAL);
            written += rc > 0 ? (size_t)rc : 0;
            if (written == script_size) {
                assert_int_equal(shutdown(fd, SHUT_WR), 0);
            }
        }
        if (wait.revents & (POLLIN | POLLHUP | POLLERR)) {
            if (answer->size + 65536 > capacity) {
                capacity *= 2;
                answer->bytes = realloc(answer->bytes, capacity);
                assert_non_null(answer->bytes);
            }
            rc = recv(fd, answer->bytes + answer->size, 65536, 0);
            assert_true(rc >= 0);
            if (rc == 0) {
                return;
            }
            answer->size += (size_t)rc;
        }
    }
}

static struct answer run_script(const struct bench_mode *mode, uint64_t cut_seed)
{
    struct bench_server bench = {0};
    struct oc_server_config config = bench_config(mode);
    struct answer answer;
    int fd;
    /* Reading lags behind writing here by as much as the seed wants: that is not the subject. */
    config.io.out_bytes_max = 1U << 28;
    config.io.chunk_count = 1U << 16;
    bench_start(&bench, &config);
    fd = bench_connect(&bench);
    converse(fd, cut_seed, &answer);
    (void)close(fd);
    bench_join(&bench);
    answer.state_hash = oc_server_state_hash(bench.server);
    bench_close(&bench);
    return answer;
}

static void assert_same(const struct answer *a, const struct answer *b)
{
    size_t size = a->size < b->size ? a->size : b->size;
    for (size_t i = 0; i < size; i++) {
        if (a->bytes[i] != b->bytes[i]) {
            size_t from = i < 200 ? 0 : i - 200;
            fail_msg("byte %zu differs (seed %llu):\n%.*s\n%.*s", i, SEED, (int)(i - from + 50),
                     a->bytes + from, (int)(i - from + 50), b->bytes + from);
        }
    }
    assert_int_equal(a->size, b->size);
    assert_true(a->state_hash == b->state_hash);
}

static struct answer first; /* everything is compared with it */
static uint64_t seed;

static int compare(const struct bench_mode *mode)
{
    struct answer again = run_script(mode, ++seed);
    (void)printf("%s\n", mode->name);
    assert_same(&first, &again);
    free(again.bytes);
    return 0;
}

static void test_all_stacks_threads_and_cuts_give_the_same_bytes(void **state)
{
    const struct bench_mode plain = {.ops = &oc_io_epoll_ops, .io_threads = 1};
    (void)state;
    make_script();
    first = run_script(&plain, ++seed);
    (void)printf("%u requests, %zu bytes there, %zu bytes back, state %016llx\n", request_count,
                 script_size, first.size, (unsigned long long)first.state_hash);
    assert_true(first.size > (size_t)request_count * 20);
    assert_int_equal(bench_for_each_mode(compare), 0);
    free(first.bytes);
    free(script);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_all_stacks_threads_and_cuts_give_the_same_bytes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
