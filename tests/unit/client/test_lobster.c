/*
 * Goal: LOBSTER's files become the right requests and expectations, and a damaged row is named.
 * Method: a hand-made market of two levels with every message type, written to temporary files;
 * then the same files with one damage each. The real files are not part of this repository. Fails
 * when: an execution expects another order than the file names, a level from out of sight is
 * missed, or a damage is accepted or blamed on another row.
 */
#include <errno.h>
#include <inttypes.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "client/lobster.h"

/*
 * Bids 100 and 99, asks 103 and 104 to begin with; order 11 is the first message. Row 5 executes
 * order 11 in part; row 8 deletes 11, which brings bid 98 into sight; row 9 executes a stand-in.
 */
static const char *const good_messages[] = {
    "34200.000000001,1,11,10,1000000,1", /* 1: enters at the best bid, behind a stand-in of 5 */
    "34200.5,1,12,7,1030000,-1",         /* 2: joins the best ask */
    "34201.25,2,12,3,1030000,-1",        /* 3: partial cancel */
    "34201.25,4,99,5,1000000,1",         /* 4: executes the unknown order at the best bid */
    "34202,4,11,4,1000000,1",            /* 5: then order 11, in part */
    "34202.1,5,0,100,1015000,1",         /* 6: a hidden order: no effect */
    "34202.2,7,0,0,-1,-1",               /* 7: a halt: no effect */
    "34203,3,11,6,1000000,1",            /* 8: deletes 11; the level goes */
    "34204,4,98,2,990000,1",             /* 9: executes a stand-in of the next level in part */
    "34205,3,98,1,990000,1",             /* 10: and deletes a part of it */
};
static const char *const good_rows[] = {
    "1030000,8,1000000,15,1040000,9,990000,20",  "1030000,15,1000000,15,1040000,9,990000,20",
    "1030000,12,1000000,15,1040000,9,990000,20", "1030000,12,1000000,10,1040000,9,990000,20",
    "1030000,12,1000000,6,1040000,9,990000,20",  "1030000,12,1000000,6,1040000,9,990000,20",
    "1030000,12,1000000,6,1040000,9,990000,20",  "1030000,12,990000,20,1040000,9,980000,30",
    "1030000,12,990000,18,1040000,9,980000,30",  "1030000,12,990000,17,1040000,9,980000,30",
};
#define ROWS (sizeof(good_rows) / sizeof(good_rows[0]))

static char messages_path[] = "/tmp/outcry-lobster-messages-XXXXXX";
static char book_path[] = "/tmp/outcry-lobster-book-XXXXXX";

static void write_file(const char *path, const char *const *lines, size_t count, size_t changed,
                       const char *change)
{
    FILE *file = fopen(path, "w");

    assert_non_null(file);
    for (size_t i = 0; i < count; i++) {
        (void)fprintf(file, "%s\n", i + 1 == changed ? change : lines[i]);
    }
    assert_int_equal(fclose(file), 0);
}

static int prepare(struct oc_script *script, struct oc_lobster_facts *facts, char *error,
                   size_t error_size)
{
    return oc_lobster_prepare(messages_path, book_path, "TEST", script, facts, error, error_size);
}

/* The request of a kind in a row, and its first expected reply. */
static const struct oc_script_request *find(const struct oc_script *script, uint32_t row,
                                            uint8_t kind, const struct oc_script_reply **expected)
{
    uint32_t reply = 0;

    for (uint32_t i = 0; i < script->request_count; i++) {
        const struct oc_script_request *request = &script->requests[i];
        if (i >= script->preload_count && request->row == row && request->kind == kind) {
            *expected = &script->replies[reply];
            return request;
        }
        for (uint16_t frame = 0; frame < request->reply_count; frame++) {
            const struct oc_script_reply *passed = &script->replies[reply++];
            reply += passed->kind == OC_EVENT_BOOK ? passed->order + passed->other : 0;
        }
    }
    fail_msg("row %" PRIu32 " has no request of kind %u", row, kind);
    return NULL;
}

static void test_good_files(void **state)
{
    struct oc_script script;
    struct oc_lobster_facts facts;
    const struct oc_script_request *request;
    const struct oc_script_reply *reply;
    char error[300] = "";

    (void)state;
    write_file(messages_path, good_messages, ROWS, 0, NULL);
    write_file(book_path, good_rows, ROWS, 0, NULL);
    if (prepare(&script, &facts, error, sizeof(error)) != 0) {
        fail_msg("%s", error);
    }
    assert_int_equal(facts.rows, ROWS);
    assert_int_equal(facts.rows_compared, ROWS - 1);
    assert_int_equal(facts.levels, 2);
    assert_int_equal(facts.executions, 3);
    assert_int_equal(facts.executions_known, 1);
    assert_int_equal(facts.hidden, 1);
    assert_int_equal(facts.halts, 1);
    /* Four levels at first, and bid 98 when it comes into sight. */
    assert_int_equal(facts.stand_ins, 5);
    assert_int_equal(facts.unseen, 0);
    assert_int_equal(script.preload_count, 4);

    /* Local ids: stand-ins bid 100 = 1, bid 99 = 2, ask 103 = 3, ask 104 = 4; 11 = 5; 12 = 6. */
    request = find(&script, 3, OC_COMMAND_REPLACE, &reply);
    assert_int_equal(request->order, 6);
    assert_int_equal(request->qty_lots, 4);
    assert_int_equal(request->price_ticks, 0);
    assert_int_equal(reply->kind, OC_EVENT_REPLACED);
    assert_int_equal(reply->price_ticks, 1030000);

    request = find(&script, 4, OC_COMMAND_NEW, &reply);
    assert_int_equal(request->side, OC_SELL);
    assert_int_equal(request->time_in_force, OC_IMMEDIATE_OR_CANCEL);
    assert_int_equal(reply->kind, OC_EVENT_TRADE);
    assert_int_equal(reply->order, 1);
    assert_int_equal(reply->other, 7);
    assert_int_equal(reply->qty_lots, 5);

    (void)find(&script, 5, OC_COMMAND_NEW, &reply);
    assert_int_equal(reply->order, 5);
    assert_int_equal(reply->qty_lots, 4);

    (void)find(&script, 8, OC_COMMAND_CANCEL, &reply);
    assert_int_equal(reply->kind, OC_EVENT_CANCELLED);
    assert_int_equal(reply->order, 5);
    assert_int_equal(reply->qty_lots, 6);

    request = find(&script, 10, OC_COMMAND_REPLACE, &reply);
    assert_int_equal(request->order, 2);
    assert_int_equal(request->qty_lots, 17);

    (void)find(&script, 8, OC_COMMAND_BOOK, &reply);
    assert_int_equal(reply->order, 2);
    assert_int_equal(reply->other, 2);
    assert_int_equal(reply[1].price_ticks, 990000);
    assert_int_equal(reply[2].price_ticks, 980000);
    assert_int_equal(reply[2].qty_lots, 30);
    assert_int_equal(reply[3].price_ticks, 1030000);
    oc_script_deinit(&script);
}

/* An order that was cancelled out of sight: its level is made equal when it comes back. */
static void test_changes_out_of_sight(void **state)
{
    static const char *const messages[] = {
        "1,1,21,5,1000000,1",
        "2,1,22,4,1020000,1",
        "3,3,22,4,1020000,1",
    };
    /* One level: 100 goes out of sight behind 102 and comes back smaller than it was. */
    static const char *const rows[] = {
        "1030000,8,1000000,15",
        "1030000,8,1020000,4",
        "1030000,8,1000000,10",
    };
    struct oc_script script;
    struct oc_lobster_facts facts;
    char error[300] = "";
    uint32_t cancels = 0;

    (void)state;
    write_file(messages_path, messages, 3, 0, NULL);
    write_file(book_path, rows, 3, 0, NULL);
    if (prepare(&script, &facts, error, sizeof(error)) != 0) {
        fail_msg("%s", error);
    }
    assert_int_equal(facts.unseen, 1);
    for (uint32_t i = 0; i < script.request_count; i++) {
        if (script.requests[i].kind == OC_COMMAND_CANCEL) {
            /* 22 by its message; then 21, the order of just the missing size, not the stand-in. */
            assert_int_equal(script.requests[i].order, cancels == 0 ? 4 : 3);
            cancels++;
        }
    }
    assert_int_equal(cancels, 2);
    oc_script_deinit(&script);

    /* LOBSTER never reports a price that is out of sight. */
    write_file(messages_path, messages, 3, 3, "3,1,23,4,1010000,1");
    write_file(book_path, rows, 3, 3, rows[1]);
    assert_int_equal(prepare(&script, &facts, error, sizeof(error)), -EBADMSG);
    assert_non_null(strstr(error, "row 3: price 1010000 is not among the levels of its row"));
    oc_script_deinit(&script);
}

static void test_damaged_rows(void **state)
{
    static const struct {
        bool in_book;
        size_t row;
        const char *line;
        const char *why;
    } damages[] = {
        {false, 2, "34200.5,1,12,7,1030000", "row 2: column 6 is no integer"},
        {false, 2, "34200.5,1,12,7,1030000,-1,5", "row 2: more than the 6 columns"},
        {false, 2, "34200.5,1,12,x,1030000,-1", "row 2: column 4 is no integer"},
        {false, 2, "34200.5,1,12, 7,1030000,-1", "row 2: column 4 is no integer"},
        {false, 2, "34200.5,1,12,7.0,1030000,-1", "row 2: column 5 is no integer"},
        {false, 2, "34200.5,1,12,99999999999999999999,1030000,-1", "row 2: column 4 is no integer"},
        {false, 2, "34200.5,8,12,7,1030000,-1", "row 2: type 8 is none of 1 to 7"},
        {false, 2, "34200.5,1,12,7,1030000,0", "row 2: direction 0"},
        {false, 2, "34200.5,1,12,0,1030000,-1", "row 2: order id, size or price"},
        {false, 2, "34200.5,1,12,-7,1030000,-1", "row 2: order id, size or price"},
        {false, 2, "x,1,12,7,1030000,-1", "row 2: the time"},
        {false, 2, "34199,1,12,7,1030000,-1", "row 2: the time goes back"},
        {false, 2, "", "row 2: the time"},
        {false, 2, "34200.5,1,12,8,1030000,-1", "row 2: ask 1030000 has quantity 15"},
        {false, 2, "34200.5,1,12,7,1030000,1", "row 2: ask 1030000 has quantity 15"},
        {false, 2, "34200.5,1,12,7,1040000,-1", "row 2: ask 1030000 has quantity 15"},
        {false, 2, "34200.5,1,11,7,1030000,-1", "row 2: order 11 is open already"},
        {false, 3, "34201.25,3,12,3,1030000,-1", "row 3: order 12 has 7 left"},
        {false, 4, "34201.25,4,12,5,1000000,1", NULL}, /* an id of another level is a stand-in's */
        {false, 5, "34202,4,11,11,1000000,1", "row 5: bid 1000000 has quantity 6"},
        {false, 8, "34203,3,13,6,1000000,1", "row 8: order 13 has no 6 left at 1000000"},
        {true, 2, "1030000,15,1000000,15,1040000,9,990000", "row 2: column 8 is no integer"},
        {true, 2, "1030000,15,1000000,15,1040000,9,990000,2o", "row 2: a level has more than 4"},
        {true, 2, "1030000,15,1000000,15", "row 2: has 1 levels, the row before it 2"},
        {true, 2, "1030000,15,1030000,15,1040000,9,990000,20", "row 2: the best bid"},
        {true, 2, "1030000,15,1000000,15,1020000,9,990000,20", "row 2: ask 2 is not behind"},
        {true, 2, "1030000,15,1000000,15,1040000,9,990000,0", "row 2: price or size of bid 2"},
        {true, 2, "1030000,15,1000000,15,1040000,9,990000,21", "row 2: bid 990000 has quantity 21"},
        {true, 2, "1030000,15,1000001,15,1040000,9,990000,20", "row 2: bid 1000000 has quantity 0"},
        {true, 10, "1030000,12,990000,16,1040000,9,980000,30", "row 10: bid 990000"},
        {true, 1, "1030000,8,1000000,9,1040000,9,990000,20", "row 1: does not show the order"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(damages) / sizeof(damages[0]); i++) {
        struct oc_script script;
        struct oc_lobster_facts facts;
        char error[300] = "";
        int rc;
        write_file(messages_path, good_messages, ROWS, damages[i].in_book ? 0 : damages[i].row,
                   damages[i].line);
        write_file(book_path, good_rows, ROWS, damages[i].in_book ? damages[i].row : 0,
                   damages[i].line);
        rc = prepare(&script, &facts, error, sizeof(error));
        oc_script_deinit(&script);
        if (damages[i].why == NULL) {
            assert_int_equal(rc, 0);
            continue;
        }
        if (rc != -EBADMSG || strstr(error, damages[i].why) == NULL) {
            fail_msg("damage \"%s\" gave %d \"%s\"", damages[i].line, rc, error);
        }
    }
}

static void test_missing_and_uneven_files(void **state)
{
    struct oc_script script;
    struct oc_lobster_facts facts;
    char error[300] = "";

    (void)state;
    assert_int_equal(oc_lobster_prepare("/nonexistent/messages.csv", book_path, "TEST", &script,
                                        &facts, error, sizeof(error)),
                     -ENOENT);
    assert_non_null(strstr(error, "/nonexistent/messages.csv: No such file"));
    oc_script_deinit(&script);
    write_file(messages_path, good_messages, ROWS, 0, NULL);
    write_file(book_path, good_rows, ROWS - 1, 0, NULL);
    assert_int_equal(prepare(&script, &facts, error, sizeof(error)), -EBADMSG);
    assert_non_null(strstr(error, "row 10: the other file ends before it"));
    oc_script_deinit(&script);
    write_file(messages_path, good_messages, 0, 0, NULL);
    write_file(book_path, good_rows, 0, 0, NULL);
    assert_int_equal(prepare(&script, &facts, error, sizeof(error)), -EBADMSG);
    assert_non_null(strstr(error, "the file is empty"));
    oc_script_deinit(&script);
}

static int set_up(void **state)
{
    int messages = mkstemp(messages_path);
    int book = mkstemp(book_path);

    (void)state;
    if (messages < 0 || book < 0) {
        return -1;
    }
    (void)close(messages);
    (void)close(book);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    (void)unlink(messages_path);
    (void)unlink(book_path);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_good_files),
        cmocka_unit_test(test_changes_out_of_sight),
        cmocka_unit_test(test_damaged_rows),
        cmocka_unit_test(test_missing_and_uneven_files),
    };

    return cmocka_run_group_tests(tests, set_up, tear_down);
}
