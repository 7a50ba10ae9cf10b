/*
 * One writer for three looks: what a report says is written once, and comes out as plain text for a
 * terminal, as Markdown, or as HTML.
 *
 * All text that is handed in is data, never markup: it is escaped for the format, what is not UTF-8
 * or not printable becomes a question mark. Tables are kept until their end, because a terminal
 * needs their widths. The HTML is well-formed XML, so that any parser can check it.
 */
#ifndef OC_VERIFY_REPORT_PAGE_H
#define OC_VERIFY_REPORT_PAGE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#define OC_VERIFY__PAGE_COLUMNS_MAX   16U
#define OC_VERIFY__PAGE_CAPTION_BYTES 384U

enum oc_verify__page_format {
    OC_VERIFY__PAGE_TEXT,
    OC_VERIFY__PAGE_MARKDOWN,
    OC_VERIFY__PAGE_HTML,
};

/** How a cell of a table is to be read; always said by its words too, never by colour alone. */
enum oc_verify__page_kind {
    OC_VERIFY__PAGE_PLAIN,
    OC_VERIFY__PAGE_GOOD,
    OC_VERIFY__PAGE_BAD,
    OC_VERIFY__PAGE_OPEN, /* undecided, not measured */
};

struct oc_verify__page_column {
    const char *title;
    bool right;  /* numbers */
    bool detail; /* left out on a terminal */
};

/** Belongs to one thread. */
struct oc_verify__page {
    FILE *out;
    enum oc_verify__page_format format;
    bool in_list;
    bool failed;       /* no memory for a table */
    bool breaks_names; /* in this table, at slashes, or it would be too wide */
    char caption[OC_VERIFY__PAGE_CAPTION_BYTES];
    uint32_t column_count;
    const struct oc_verify__page_column *columns;
    char *text; /* of the table's cells: a byte of its kind, the text, a zero */
    size_t text_size;
    size_t text_capacity;
    uint32_t cell_count;
};

/** Begins. `out` is borrowed until the end. */
void oc_verify__page_begin(struct oc_verify__page *page, FILE *out,
                           enum oc_verify__page_format format);

/** Ends what is open. Returns 0, or -1 when memory ran out or the stream reports an error. */
int oc_verify__page_end(struct oc_verify__page *page);

/** Ends a list that is open and gives the stream, for markup of the caller's. */
FILE *oc_verify__page_stream(struct oc_verify__page *page);

/** A heading. @level  1 to 3. */
void oc_verify__page_heading(struct oc_verify__page *page, uint32_t level, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/** A paragraph. */
void oc_verify__page_paragraph(struct oc_verify__page *page, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/** An item of a list; items in a row make one list. */
void oc_verify__page_item(struct oc_verify__page *page, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/**
 * A table: begin, the cells row by row, end.
 *
 * On a terminal cells are wrapped, at spaces and if need be after slashes, to keep within 100
 * columns.
 *
 * @columns  borrowed until the end.
 */
void oc_verify__page_table(struct oc_verify__page *page, const char *caption,
                           const struct oc_verify__page_column *columns, uint32_t count);
void oc_verify__page_cell(struct oc_verify__page *page, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
void oc_verify__page_cell_of(struct oc_verify__page *page, enum oc_verify__page_kind kind,
                             const char *format, ...) __attribute__((format(printf, 3, 4)));
void oc_verify__page_table_end(struct oc_verify__page *page);

/** Writes text escaped for the format. For Markdown also safe within a table. */
void oc_verify__page_escape(FILE *out, enum oc_verify__page_format format, const char *text);

/** Replaces the bytes that are no UTF-8, and U+0001, by '?', as an escaped text has it. In place.
 */
void oc_verify__page_mend(char *text);

/**
 * Writes a file by way of PATH.part, so that a reader sees all of it or nothing.
 *
 * @write  returns 0, or -1 when it failed.
 * Returns 0, or -1 with a sentence in `error`.
 */
int oc_verify__page_file(const char *path, int (*write)(const void *context, FILE *out),
                         const void *context, char *error, size_t error_size);

#endif
