/*
 * The instruments file: what the venue trades, as commands for the engine.
 *
 * INI (see examples/instruments.ini): one section for each symbol, strict: an unknown key, a value
 * out of range or a symbol given twice is an error that names file, line and mend.
 */
#ifndef OC_SERVER_INSTRUMENTS_H
#define OC_SERVER_INSTRUMENTS_H

#include <stddef.h>
#include <stdint.h>

#include "core/command.h"

/**
 * Reads the file. *commands: OC_COMMAND_INSTRUMENT in the order of the file, to be freed by the
 * caller with free(); *count of them, at least 1 and at most count_max.
 * Returns 0, or -1 with one line of text in `error` (no final newline). Before the start only.
 */
int oc_instruments_read(const char *path, uint32_t count_max, struct oc_command **commands,
                        uint32_t *count, char *error, size_t error_size);

#endif
