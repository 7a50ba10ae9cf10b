/*
 * Goal: docs/protocol.md tells the truth, and what must never change has not changed.
 * Method: every example of the page goes through the codec: requests must be taken, refused ones
 * must give exactly the reply that stands below them, replies must come back from decoder and
 * encoder byte for byte, hex dumps must hold whole frames. Every reason, member and word must be on
 * the page. The lines that the original engine's clients rely on are repeated here literally, so
 * that page and codec cannot change together unnoticed. Fails if: the page shows what the codec
 * does not do, or leaves out what it does.
 */
#include "support.h"

#include "core/reason.h"
#include "wire/members.h"
#include "wire/words.h"

#define PAGE_BYTES_MAX (256U * 1024)
#define LINE_BYTES_MAX 4096U

static char page[PAGE_BYTES_MAX];
static struct oc_wire_encoder *encoder;

static int read_page(void **state)
{
    const char *root = getenv("OUTCRY_SOURCE_DIR");
    char path[4096];
    size_t size;
    FILE *file;

    (void)state;
    (void)snprintf(path, sizeof(path), "%s/docs/protocol.md", root == NULL ? "." : root);
    file = fopen(path, "rb");
    if (file == NULL) {
        print_error("%s cannot be read; set OUTCRY_SOURCE_DIR\n", path);
        return -1;
    }
    size = fread(page, 1, sizeof(page) - 1, file);
    page[size] = '\0';
    fclose(file);
    return 0;
}

/* Calls `check` for each line of the fenced blocks with this title; returns how many there were. */
static uint32_t for_each_line(const char *title, void (*check)(const char *line))
{
    const char *next = page;
    bool inside = false;
    uint32_t count = 0;

    while (*next != '\0') {
        size_t size = strcspn(next, "\n");
        char line[LINE_BYTES_MAX];

        assert_true(size < sizeof(line));
        memcpy(line, next, size);
        line[size] = '\0';
        next += size + (next[size] == '\n');
        if (strncmp(line, "```", 3) == 0) {
            bool ends = inside;

            inside = strcmp(line + 3, title) == 0;
            if (ends) {
                check(NULL);
            }
        } else if (inside) {
            check(line);
            count++;
        }
    }
    return count;
}

static void learn(uint32_t index, const struct oc_symbol *symbol)
{
    struct oc_event event = {.kind = OC_EVENT_INSTRUMENT, .instrument = index};

    if (symbol->size > 0) {
        event.instrument_made.symbol = *symbol;
        (void)oc_wire_encode(encoder, &event);
    }
}

/* The frame that the venue would send for this reply, from what a client understood of it. */
static struct oc_wire_span encode_again(const struct oc_wire_reply *reply)
{
    struct oc_event event;
    struct oc_wire_span span;

    learn(0, &reply->symbol);
    if (reply->event.kind == OC_EVENT_OPEN_ORDERS) {
        for (uint32_t index = 0; index < reply->event.open_orders.count; index++) {
            learn(index, &reply->orders[index].symbol);
        }
    }
    event = reply->event;
    event.instrument = 0;
    span = oc_wire_encode(encoder, &event);
    if (event.kind == OC_EVENT_BOOK) {
        for (uint32_t index = 0; index < event.book.bid_count + event.book.ask_count; index++) {
            struct oc_event part = {.kind = OC_EVENT_BOOK_LEVEL};

            part.level = reply->levels[index];
            span = oc_wire_encode(encoder, &part);
        }
    } else if (event.kind == OC_EVENT_OPEN_ORDERS) {
        for (uint32_t index = 0; index < event.open_orders.count; index++) {
            struct oc_event part = {.kind = OC_EVENT_OPEN_ORDER};

            part.order = reply->orders[index].order;
            part.instrument = index;
            span = oc_wire_encode(encoder, &part);
        }
    }
    return span;
}

static void check_request(const char *line)
{
    struct oc_command command;

    if (line == NULL) {
        return;
    }
    if (support_decode(line, &command) != OC_REASON_NONE) {
        fail_msg("refused, %s: %s", oc_reason_name(command.refused.reason), line);
    }
}

static void check_reply(const char *line)
{
    static struct oc_event_level levels[16];
    static struct oc_wire_open_order orders[16];
    struct oc_wire_reply reply = {
        .levels = levels, .level_capacity = 16, .orders = orders, .order_capacity = 16};
    struct oc_wire_span span;

    if (line == NULL) {
        return;
    }
    if (oc_wire_decode_reply((const uint8_t *)line, strlen(line), &reply) != 0) {
        fail_msg("no reply: %s", line);
    }
    span = encode_again(&reply);
    if (span.size != strlen(line) + 4 || memcmp(span.bytes + 4, line, strlen(line)) != 0) {
        fail_msg("page: %s\ncode: %.*s", line, (int)span.size - 4, (const char *)span.bytes + 4);
    }
}

/* Lines come in pairs: a request, and the reject that answers it. */
static void check_refused(const char *line)
{
    static struct oc_command command;
    static bool answered = true;
    struct oc_event event = {.kind = OC_EVENT_REJECTED};
    struct oc_wire_span span;

    if (line == NULL) {
        assert_true(answered);
        return;
    }
    answered = !answered;
    if (!answered) {
        if (support_decode(line, &command) == OC_REASON_NONE) {
            fail_msg("taken: %s", line);
        }
        return;
    }
    event.reason = command.refused.reason;
    event.request_id = command.request_id;
    event.flags = command.flags != 0 ? OC_EVENT_HAS_REQUEST_ID : 0;
    event.rejected.request = command.refused.request;
    event.rejected.order_id = command.refused.order_id;
    event.rejected.detail = command.refused.detail;
    event.rejected.client_order_id = command.refused.client_order_id;
    span = oc_wire_encode(encoder, &event);
    if (span.size != strlen(line) + 4 || memcmp(span.bytes + 4, line, strlen(line)) != 0) {
        fail_msg("page: %s\ncode: %.*s", line, (int)span.size - 4, (const char *)span.bytes + 4);
    }
}

/* Hex dumps: the bytes of one block, then its frames. */
static struct {
    size_t size;
    uint8_t bytes[LINE_BYTES_MAX];
    uint32_t request_count;
    uint32_t refused_count;
    uint32_t reply_count;
} dump;

static void gather_dump(const char *line)
{
    char expected[24];
    size_t first = dump.size;
    const char *next;

    (void)snprintf(expected, sizeof(expected), "%08zx  ", dump.size);
    if (strncmp(line, expected, strlen(expected)) != 0) {
        fail_msg("offset %s expected: %s", expected, line);
    }
    for (next = line + 10; *next != '|'; next++) {
        unsigned byte;

        assert_true(*next != '\0');
        if (*next != ' ') {
            assert_int_equal(sscanf(next, "%2x", &byte), 1);
            dump.bytes[dump.size++] = (uint8_t)byte;
            next++;
        }
    }
    for (size_t index = first; index < dump.size; index++) {
        uint8_t byte = dump.bytes[index];

        assert_int_equal(next[1 + index - first], byte >= ' ' && byte < 0x7f ? byte : '.');
    }
}

static void check_dump(const char *line, bool replies)
{
    size_t offset = 0;

    if (line != NULL) {
        gather_dump(line);
        return;
    }
    while (offset < dump.size) {
        char payload[LINE_BYTES_MAX];
        struct oc_command command;
        size_t frame_size;

        assert_int_equal(oc_wire_frame_next(dump.bytes + offset, dump.size - offset, &frame_size),
                         OC_WIRE_FRAME_COMPLETE);
        memcpy(payload, dump.bytes + offset + 4, frame_size - 4);
        payload[frame_size - 4] = '\0';
        offset += frame_size;
        if (replies) {
            check_reply(payload);
            dump.reply_count++;
        } else if (support_decode(payload, &command) != OC_REASON_NONE) {
            dump.refused_count++;
        } else {
            dump.request_count++;
        }
    }
    dump.size = 0;
}

static void check_request_dump(const char *line)
{
    check_dump(line, false);
}

static void check_reply_dump(const char *line)
{
    check_dump(line, true);
}

static void test_examples(void **state)
{
    (void)state;
    assert_true(for_each_line("json request", check_request) >= 15);
    assert_true(for_each_line("json reply", check_reply) >= 18);
    assert_true(for_each_line("json refused", check_refused) >= 20);
}

static void test_session_in_bytes(void **state)
{
    (void)state;
    assert_true(for_each_line("text request", check_request_dump) > 0);
    assert_true(for_each_line("text reply", check_reply_dump) > 0);
    assert_int_equal(dump.request_count, 3);
    assert_int_equal(dump.refused_count, 1);
    assert_int_equal(dump.reply_count, 4);
}

static void test_reasons(void **state)
{
    (void)state;
    for (int reason = 0; reason < OC_REASON_COUNT; reason++) {
        char row[512];

        (void)snprintf(row, sizeof(row), "\n| `%s` | %s |\n",
                       oc_reason_name((enum oc_reason)reason),
                       oc_reason_text((enum oc_reason)reason));
        if (strstr(page, row) == NULL) {
            fail_msg("docs/protocol.md lacks this row of its reasons:%s", row);
        }
    }
}

static void expect_on_page(const char *name, size_t size)
{
    char quoted[64];

    (void)snprintf(quoted, sizeof(quoted), "`%.*s`", (int)size, name);
    if (strstr(page, quoted) == NULL) {
        fail_msg("docs/protocol.md does not name %s", quoted);
    }
}

static void test_members_and_words(void **state)
{
    static const struct oc_wire__words *const lists[] = {
        &oc_wire__sides,       &oc_wire__times_in_force,
        &oc_wire__order_kinds, &oc_wire__self_trade_modes,
        &oc_wire__switches,    &oc_wire__liquidities,
        &oc_wire__requests,
    };

    (void)state;
    for (uint32_t member = 0; member < OC_WIRE__MEMBER_COUNT; member++) {
        const char *name = oc_wire__member_name((enum oc_wire__member)member);

        expect_on_page(name, strlen(name));
    }
    for (size_t list = 0; list < sizeof(lists) / sizeof(*lists); list++) {
        for (uint32_t index = 0; index < lists[list]->count; index++) {
            expect_on_page(lists[list]->words[index].bytes, lists[list]->words[index].size);
        }
    }
}

/* Published, and therefore never changed: what clients send. */
static void test_requests_that_never_change(void **state)
{
    static const struct {
        const char *json;
        enum oc_command_kind kind;
    } lines[] = {
        {"{\"user_id\":101,\"symbol\":\"BTC/USD\",\"order_type\":\"Buy\",\"price\":50000,"
         "\"quantity\":10}",
         OC_COMMAND_NEW},
        {"{\"user_id\":101,\"order_id\":7}", OC_COMMAND_CANCEL},
        {"{\"user_id\":101,\"order_id\":7,\"price\":50010,\"quantity\":5}", OC_COMMAND_REPLACE},
        {"{\"user_id\":101,\"order_id\":7,\"total_quantity\":12}", OC_COMMAND_REPLACE},
        {"{\"user_id\":101,\"mass_cancel\":true,\"symbol\":\"BTC/USD\",\"side\":\"Buy\"}",
         OC_COMMAND_MASS_CANCEL},
        {"{\"user_id\":101,\"open_orders\":true}", OC_COMMAND_OPEN_ORDERS},
        {"{\"book\":\"BTC/USD\",\"depth\":5}", OC_COMMAND_BOOK},
        {"{\"session\":{\"trades\":\"off\"}}", OC_COMMAND_SESSION_SET},
        {"{\"session\":{\"reports\":\"on\"}}", OC_COMMAND_SESSION_SET},
        {"{\"session\":{\"cancel_on_disconnect\":true}}", OC_COMMAND_SESSION_SET},
        {"{\"session\":{\"ping\":7}}", OC_COMMAND_PING},
    };

    (void)state;
    for (size_t index = 0; index < sizeof(lines) / sizeof(*lines); index++) {
        struct oc_command command;

        assert_int_equal(support_decode(lines[index].json, &command), OC_REASON_NONE);
        assert_int_equal(command.kind, lines[index].kind);
    }
}

/* Published, and therefore never changed: how replies begin. Only new members may follow. */
static void test_replies_that_never_change(void **state)
{
    static const char *const lines[] = {
        "{\"order_id\":1,\"user_id\":101}",
        "{\"trade_id\":1,\"symbol\":\"BTC/USD\",\"matched_price\":50000,\"matched_quantity\":7,"
        "\"buyer_user_id\":101,\"buyer_order_id\":1,\"seller_user_id\":102,\"seller_order_id\":2,"
        "\"timestamp\":1732233600000000000}",
        "{\"type\":\"cancelled\",\"order_id\":7,\"owner\":101,\"cancelled_quantity\":3,"
        "\"reason\":\"user\"}",
        "{\"type\":\"replaced\",\"order_id\":7,\"owner\":101,\"price\":50010,\"quantity\":5}",
        "{\"type\":\"rejected\",\"request\":\"cancel\",\"order_id\":7,\"reason\":\"unknown_order\","
        "\"text\":\"the user has no open order with this id\"}",
        "{\"type\":\"duplicate\",\"client_order_id\":\"a1\",\"order_id\":7,\"filled\":3,"
        "\"open\":4}",
        "{\"type\":\"book\",\"symbol\":\"BTC/USD\",\"sequence\":9,\"bids\":[[50000,10,2]],"
        "\"asks\":[]}",
        "{\"type\":\"mass_cancelled\",\"count\":3}",
        "{\"type\":\"pong\",\"ping\":7}",
    };

    (void)state;
    for (size_t index = 0; index < sizeof(lines) / sizeof(*lines); index++) {
        check_reply(lines[index]);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_examples),
        cmocka_unit_test(test_session_in_bytes),
        cmocka_unit_test(test_reasons),
        cmocka_unit_test(test_members_and_words),
        cmocka_unit_test(test_requests_that_never_change),
        cmocka_unit_test(test_replies_that_never_change),
    };
    struct oc_arena arena;
    int failures;

    oc_arena_init(&arena);
    encoder = oc_wire_encoder_create(&arena, 16);
    failures = cmocka_run_group_tests_name("wire.protocol", tests, read_page, NULL);
    oc_arena_deinit(&arena);
    return failures;
}
