/*
 * Goal: a stream of bytes is cut at its frames, however much of it is there.
 * Method: every prefix of two frames; lengths at and around the limits.
 * Fails if: a frame is called complete too early or too late, or a length is taken for good that is
 * not.
 */
#include "support.h"

static void test_every_prefix(void **state)
{
    static const uint8_t stream[] = "\0\0\0\2{}\0\0\0\3{ }";
    size_t frame_size;

    (void)state;
    for (size_t size = 0; size < sizeof(stream); size++) {
        enum oc_wire_frame expected = size < 6 ? OC_WIRE_FRAME_INCOMPLETE : OC_WIRE_FRAME_COMPLETE;

        frame_size = 99;
        assert_int_equal(oc_wire_frame_next(stream, size, &frame_size), expected);
        assert_int_equal(frame_size, size < 4 ? 0 : 6);
    }
    assert_int_equal(oc_wire_frame_next(stream + 6, 7, &frame_size), OC_WIRE_FRAME_COMPLETE);
    assert_int_equal(frame_size, 7);
}

static void test_lengths(void **state)
{
    static const struct {
        uint8_t header[4];
        enum oc_wire_frame expected;
        size_t frame_size;
    } cases[] = {
        {{0, 0, 0, 0}, OC_WIRE_FRAME_BAD_LENGTH, 0},
        {{0, 0, 0, 1}, OC_WIRE_FRAME_INCOMPLETE, 5},
        {{0, 0, 1, 0}, OC_WIRE_FRAME_INCOMPLETE, 260},
        {{0, 0, 0xff, 0xff}, OC_WIRE_FRAME_INCOMPLETE, 65539},
        {{0, 1, 0, 0}, OC_WIRE_FRAME_INCOMPLETE, 65540},
        {{0, 1, 0, 1}, OC_WIRE_FRAME_BAD_LENGTH, 0},
        {{1, 0, 0, 0}, OC_WIRE_FRAME_BAD_LENGTH, 0},
        {{0x80, 0, 0, 1}, OC_WIRE_FRAME_BAD_LENGTH, 0},
        {{'{', '"', 'u', 's'}, OC_WIRE_FRAME_BAD_LENGTH, 0},
        {{0xff, 0xff, 0xff, 0xff}, OC_WIRE_FRAME_BAD_LENGTH, 0},
    };

    (void)state;
    for (size_t index = 0; index < sizeof(cases) / sizeof(*cases); index++) {
        size_t frame_size = 99;

        assert_int_equal(oc_wire_frame_next(cases[index].header, 4, &frame_size),
                         cases[index].expected);
        assert_int_equal(frame_size, cases[index].frame_size);
    }
}

static void test_refusal(void **state)
{
    struct oc_command expected;
    struct oc_command command;

    (void)state;
    memset(&expected, 0, sizeof(expected));
    memset(&command, 0xa5, sizeof(command));
    expected.kind = OC_COMMAND_REFUSED;
    expected.refused.reason = OC_REASON_BAD_FRAME_LENGTH;
    oc_wire_refuse_frame(&command, OC_REASON_BAD_FRAME_LENGTH);
    assert_memory_equal(&command, &expected, sizeof(command));
    expect_oc_assert(oc_wire_refuse_frame(&command, OC_REASON_NONE));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_prefix),
        cmocka_unit_test(test_lengths),
        cmocka_unit_test(test_refusal),
    };

    return cmocka_run_group_tests_name("wire.frame", tests, NULL, NULL);
}
