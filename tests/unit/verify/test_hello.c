/*
 * Goal: what an agent says about its host arrives as it was said, and nothing else is taken for it.
 * Method: a description out and in again; each member in turn taken away, or of another type; texts
 * that are too long or not printable; numbers at and beyond their limits. Fails when: a member is
 * lost, NaN does not survive, or a description that lacks a member is accepted.
 */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "verify/control.h"
#include "verify/hello.h"

static struct oc_verify__hello said;
static struct oc_verify__hello heard;

static void fill(void)
{
    said = (struct oc_verify__hello){
        .environment = {.kernel = "Linux 6.1",
                        .cpu = "a \"quoted\" CPU",
                        .cpus_online = 4,
                        .cpus_allowed = 2,
                        .memory_bytes = 1ULL << 40,
                        .priority = "as started",
                        .time_end = "later",
                        .boot_id = "f00d",
                        .load_before = {1, 2, 3},
                        .load_after = {4, 5, 6},
                        .busy_share = 0.25},
        .costs =
            {.call_ns = 100.5, .epoll_wait_ns = NAN, .read_ns = 3, .write_ns = 4, .switch_ns = 5},
        .split = {.decode_ns = 6, .encode_ns = 7, .apply_ns = 8},
    };
    for (uint32_t i = 0; i < OC_VERIFY_STACK_COUNT; i++) {
        said.stacks[i].available = i % 2 == 0;
        (void)snprintf(said.stacks[i].version, sizeof(said.stacks[i].version), "v%u", i);
        (void)snprintf(said.stacks[i].why, sizeof(said.stacks[i].why), "w%u", i);
    }
}

static void test_there_and_back(void **state)
{
    json_t *message;

    (void)state;
    fill();
    message = oc_verify__hello_json(&said);
    assert_non_null(message);
    assert_true(oc_verify__hello_read(message, &heard));
    json_decref(message);
    assert_memory_equal(&heard.environment, &said.environment, sizeof(said.environment));
    assert_memory_equal(heard.stacks, said.stacks, sizeof(said.stacks));
    assert_memory_equal(&heard.split, &said.split, sizeof(said.split));
    assert_true(isnan(heard.costs.epoll_wait_ns));
    assert_true(heard.costs.call_ns == 100.5 && heard.costs.switch_ns == 5);
}

/* Every member of every object, also of objects in objects. Returns how many there were. */
static uint32_t spoil(json_t *message, json_t *object)
{
    const char *name;
    json_t *member;
    void *next;
    uint32_t count = 0;

    json_object_foreach_safe(object, next, name, member)
    {
        json_t *kept = json_incref(member);
        count += json_is_object(member) ? spoil(message, member) : 0;
        if (object == message && !json_is_object(member)) {
            json_decref(kept);
            continue;
        }
        assert_int_equal(json_object_set_new(object, name, json_array()), 0);
        assert_false(oc_verify__hello_read(message, &heard));
        assert_int_equal(json_object_set_new(object, name, kept), 0);
        count++;
    }
    return count;
}

static void test_every_member_counts(void **state)
{
    json_t *message;

    (void)state;
    fill();
    message = oc_verify__hello_json(&said);
    assert_in_range(spoil(message, message), 30, 100);
    assert_true(oc_verify__hello_read(message, &heard));
    json_decref(message);
    assert_false(oc_verify__hello_read(NULL, &heard));
}

static void test_members(void **state)
{
    json_t *message = json_pack("{s:s, s:I, s:i, s:f, s:n}", "text",
                                "a\nb\x7f"
                                "cdef",
                                "most", (json_int_t)INT64_MAX, "less", -1, "real", 1.5, "none");
    char text[6];
    uint64_t number = 7;
    double real;

    (void)state;
    assert_non_null(message);
    assert_true(oc_verify__control_text(message, "text", text, sizeof(text)));
    assert_string_equal(text, "a?b?c");
    assert_false(oc_verify__control_text(message, "real", text, sizeof(text)));
    assert_false(oc_verify__control_text(message, "lacks", text, sizeof(text)));
    assert_true(oc_verify__control_number(message, "most", INT64_MAX, &number));
    assert_int_equal(number, INT64_MAX);
    assert_false(oc_verify__control_number(message, "most", INT64_MAX - 1, &number));
    assert_false(oc_verify__control_number(message, "less", INT64_MAX, &number));
    assert_false(oc_verify__control_number(message, "real", INT64_MAX, &number));
    assert_int_equal(number, INT64_MAX);
    assert_true(oc_verify__control_real(message, "none", &real));
    assert_true(isnan(real));
    assert_false(oc_verify__control_real(message, "text", &real));
    json_decref(message);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_there_and_back),
        cmocka_unit_test(test_every_member_counts),
        cmocka_unit_test(test_members),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
