/*
 * Request frames from a few bytes: a table of texts with places that the bytes fill.
 *
 * Random bytes seldom make a valid order; a text with small numbers in the right places trades.
 * Large byte values stand for the numbers at and beyond the ends of each range.
 */
#ifndef OC_FUZZ_REQUEST_TEXT_H
#define OC_FUZZ_REQUEST_TEXT_H

#include <stddef.h>
#include <stdint.h>

#define REQUEST_TEXT_BYTES_MAX 512U

/** The bytes of an input, from the front; zeros once they are used up. */
struct program {
    const uint8_t *bytes;
    size_t left;
};

uint8_t program_take(struct program *program);

/**
 * Writes the payload of request `number` (any number names one) into text and returns its size.
 * Places are filled with bytes of the program; `step` is added to prices and client_order_ids, so
 * that repetitions differ.
 */
size_t request_text(struct program *program, uint8_t number, uint32_t step,
                    char text[REQUEST_TEXT_BYTES_MAX]);

#endif
