/*
 * Headings, paragraphs, lists and tables in three formats.
 */
#include "verify/report_page.h"

#include <errno.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "core/assert.h"

#define LINE_COLUMNS 100U
#define WORDS_BYTES  2048U
#define PATH_BYTES   1024U
#define TEXT_GROWTH  65536U
#define SHORT_ROWS   14U
#define GROUP_MAX    24U

static void close_list(struct oc_verify__page *page);
static void put_cell(struct oc_verify__page *page, enum oc_verify__page_kind kind,
                     const char *format, va_list arguments);
static const char *next_cell(const char **text, enum oc_verify__page_kind *kind);
static void end_html(struct oc_verify__page *page);
static void end_markdown(struct oc_verify__page *page);
static void end_text(struct oc_verify__page *page);
static void fit_columns(struct oc_verify__page *page, size_t widths[OC_VERIFY__PAGE_COLUMNS_MAX]);
static void measure_columns(const struct oc_verify__page *page, size_t *widths, size_t *least);
static bool shrink_columns(const struct oc_verify__page *page, size_t *widths, const size_t *least);
static bool put_line(const struct oc_verify__page *page, const size_t *widths, const char **words);
static size_t piece_of(const struct oc_verify__page *page, const char *text);
static void put_spaces(FILE *out, size_t count);
static void put_wrapped(FILE *out, const char *text, size_t indent, size_t width);
static uint32_t decode(const unsigned char *text, uint32_t *size);
static void put_escaped(FILE *out, enum oc_verify__page_format format, const char *at,
                        uint32_t size);

void oc_verify__page_begin(struct oc_verify__page *page, FILE *out,
                           enum oc_verify__page_format format)
{
    *page = (struct oc_verify__page){.out = out, .format = format};
}

int oc_verify__page_end(struct oc_verify__page *page)
{
    close_list(page);
    free(page->text);
    page->text = NULL;
    return page->failed || ferror(page->out) != 0 ? -1 : 0;
}

FILE *oc_verify__page_stream(struct oc_verify__page *page)
{
    close_list(page);
    return page->out;
}

void oc_verify__page_heading(struct oc_verify__page *page, uint32_t level, const char *format, ...)
{
    char words[WORDS_BYTES];
    va_list arguments;

    va_start(arguments, format);
    (void)vsnprintf(words, sizeof(words), format, arguments);
    va_end(arguments);
    close_list(page);
    switch (page->format) {
    case OC_VERIFY__PAGE_TEXT:
        (void)fprintf(page->out, "\n");
        oc_verify__page_escape(page->out, page->format, words);
        (void)fprintf(page->out, "\n");
        break;
    case OC_VERIFY__PAGE_MARKDOWN:
        (void)fprintf(page->out, "%.*s ", (int)level, "###");
        oc_verify__page_escape(page->out, page->format, words);
        (void)fprintf(page->out, "\n\n");
        break;
    case OC_VERIFY__PAGE_HTML:
        (void)fprintf(page->out, "<h%u>", level);
        oc_verify__page_escape(page->out, page->format, words);
        (void)fprintf(page->out, "</h%u>\n", level);
        break;
    }
}

void oc_verify__page_paragraph(struct oc_verify__page *page, const char *format, ...)
{
    char words[WORDS_BYTES];
    va_list arguments;

    va_start(arguments, format);
    (void)vsnprintf(words, sizeof(words), format, arguments);
    va_end(arguments);
    close_list(page);
    switch (page->format) {
    case OC_VERIFY__PAGE_TEXT:
        put_wrapped(page->out, words, 0, LINE_COLUMNS);
        break;
    case OC_VERIFY__PAGE_MARKDOWN:
        oc_verify__page_escape(page->out, page->format, words);
        (void)fprintf(page->out, "\n\n");
        break;
    case OC_VERIFY__PAGE_HTML:
        (void)fprintf(page->out, "<p>");
        oc_verify__page_escape(page->out, page->format, words);
        (void)fprintf(page->out, "</p>\n");
        break;
    }
}

void oc_verify__page_item(struct oc_verify__page *page, const char *format, ...)
{
    char words[WORDS_BYTES];
    va_list arguments;

    va_start(arguments, format);
    (void)vsnprintf(words, sizeof(words), format, arguments);
    va_end(arguments);
    switch (page->format) {
    case OC_VERIFY__PAGE_TEXT:
        (void)fprintf(page->out, "  - ");
        put_wrapped(page->out, words, 4, LINE_COLUMNS);
        break;
    case OC_VERIFY__PAGE_MARKDOWN:
        (void)fprintf(page->out, "- ");
        oc_verify__page_escape(page->out, page->format, words);
        (void)fprintf(page->out, "\n");
        break;
    case OC_VERIFY__PAGE_HTML:
        (void)fprintf(page->out, "%s<li>", page->in_list ? "" : "<ul>\n");
        oc_verify__page_escape(page->out, page->format, words);
        (void)fprintf(page->out, "</li>\n");
        break;
    }
    page->in_list = true;
}

void oc_verify__page_table(struct oc_verify__page *page, const char *caption,
                           const struct oc_verify__page_column *columns, uint32_t count)
{
    OC_ASSERT(count > 0);
    OC_ASSERT(count <= OC_VERIFY__PAGE_COLUMNS_MAX);
    close_list(page);
    page->columns = columns;
    page->column_count = count;
    page->text_size = 0;
    page->cell_count = 0;
    switch (page->format) {
    case OC_VERIFY__PAGE_TEXT:
        put_wrapped(page->out, caption, 0, LINE_COLUMNS);
        break;
    case OC_VERIFY__PAGE_MARKDOWN:
        oc_verify__page_escape(page->out, page->format, caption);
        (void)fprintf(page->out, "\n\n");
        break;
    case OC_VERIFY__PAGE_HTML:
        (void)snprintf(page->caption, sizeof(page->caption), "%s", caption);
        break;
    }
}

void oc_verify__page_cell(struct oc_verify__page *page, const char *format, ...)
{
    va_list arguments;

    va_start(arguments, format);
    put_cell(page, OC_VERIFY__PAGE_PLAIN, format, arguments);
    va_end(arguments);
}

void oc_verify__page_cell_of(struct oc_verify__page *page, enum oc_verify__page_kind kind,
                             const char *format, ...)
{
    va_list arguments;

    va_start(arguments, format);
    put_cell(page, kind, format, arguments);
    va_end(arguments);
}

void oc_verify__page_table_end(struct oc_verify__page *page)
{
    OC_ASSERT(page->column_count > 0);
    OC_ASSERT(page->failed || page->cell_count % page->column_count == 0);
    switch (page->format) {
    case OC_VERIFY__PAGE_TEXT:
        end_text(page);
        break;
    case OC_VERIFY__PAGE_MARKDOWN:
        end_markdown(page);
        break;
    case OC_VERIFY__PAGE_HTML:
        end_html(page);
        break;
    }
    page->cell_count = 0;
    page->text_size = 0;
}

void oc_verify__page_escape(FILE *out, enum oc_verify__page_format format, const char *text)
{
    const unsigned char *at = (const unsigned char *)text;

    while (*at != '\0') {
        uint32_t size = 1;
        uint32_t code = decode(at, &size);
        if (code == '\n' || code == '\t') {
            (void)fputc(' ', out);
        } else if (code < 0x20 || (code >= 0x7f && code < 0xa0) || code == 0xfffe ||
                   code == 0xffff) {
            (void)fputc('?', out);
        } else {
            put_escaped(out, format, (const char *)at, size);
        }
        at += size;
    }
}

void oc_verify__page_mend(char *text)
{
    while (*text != '\0') {
        uint32_t size;

        if (decode((const unsigned char *)text, &size) == 1) {
            *text = '?';
        }
        text += size;
    }
}

int oc_verify__page_file(const char *path, int (*write)(const void *context, FILE *out),
                         const void *context, char *error, size_t error_size)
{
    char part[PATH_BYTES];
    FILE *file;
    int rc = -1;

    if (snprintf(part, sizeof(part), "%s.part", path) >= (int)sizeof(part)) {
        (void)snprintf(error, error_size, "the path %.64s... is too long", path);
        return -1;
    }
    errno = 0;
    file = fopen(part, "we");
    if (file != NULL) {
        rc = write(context, file);
        rc = fclose(file) == 0 ? rc : -1;
        if (rc == 0) {
            rc = rename(part, path);
        }
    }
    if (rc < 0) {
        (void)snprintf(error, error_size, "%s cannot be written: %s", path,
                       errno != 0 ? strerror(errno) : "no memory");
    }
    return rc;
}

static void close_list(struct oc_verify__page *page)
{
    if (page->in_list && page->format == OC_VERIFY__PAGE_HTML) {
        (void)fprintf(page->out, "</ul>\n");
    } else if (page->in_list && page->format == OC_VERIFY__PAGE_MARKDOWN) {
        (void)fprintf(page->out, "\n");
    }
    page->in_list = false;
}

static void put_cell(struct oc_verify__page *page, enum oc_verify__page_kind kind,
                     const char *format, va_list arguments)
{
    char words[WORDS_BYTES];
    size_t size;

    (void)vsnprintf(words, sizeof(words), format, arguments);
    size = strlen(words) + 1;
    if (page->text_capacity - page->text_size < size + 1) {
        char *text = realloc(page->text, page->text_capacity + TEXT_GROWTH);
        if (text == NULL) {
            page->failed = true;
            return;
        }
        page->text = text;
        page->text_capacity += TEXT_GROWTH;
    }
    page->text[page->text_size++] = (char)('0' + (int)kind);
    memcpy(page->text + page->text_size, words, size);
    page->text_size += size;
    page->cell_count++;
}

static const char *next_cell(const char **text, enum oc_verify__page_kind *kind)
{
    const char *words = *text + 1;

    *kind = (enum oc_verify__page_kind)(**text - '0');
    *text = words + strlen(words) + 1;
    return words;
}

static void end_html(struct oc_verify__page *page)
{
    static const char *const CLASSES[] = {"", "good", "bad", "open"};
    const char *text = page->text;

    /* A short table is not broken between two printed pages. */
    (void)fprintf(page->out, "<div class=\"scroll%s\"><table>\n<caption>",
                  page->cell_count <= SHORT_ROWS * page->column_count ? " short" : "");
    oc_verify__page_escape(page->out, page->format, page->caption);
    (void)fprintf(page->out, "</caption>\n<thead><tr>");
    for (uint32_t i = 0; i < page->column_count; i++) {
        (void)fprintf(page->out, "<th scope=\"col\"%s>",
                      page->columns[i].right ? " class=\"n\"" : "");
        oc_verify__page_escape(page->out, page->format, page->columns[i].title);
        (void)fprintf(page->out, "</th>");
    }
    (void)fprintf(page->out, "</tr></thead>\n<tbody>\n");
    for (uint32_t i = 0; i < page->cell_count; i++) {
        uint32_t column = i % page->column_count;
        const char *tag = column == 0 ? "th" : "td";
        enum oc_verify__page_kind kind;
        const char *words = next_cell(&text, &kind);
        (void)fprintf(page->out, "%s<%s%s", column == 0 ? "<tr>" : "", tag,
                      column == 0 ? " scope=\"row\"" : "");
        if (page->columns[column].right || kind != OC_VERIFY__PAGE_PLAIN) {
            (void)fprintf(page->out, " class=\"%s%s%s\"", page->columns[column].right ? "n" : "",
                          page->columns[column].right && kind != OC_VERIFY__PAGE_PLAIN ? " " : "",
                          CLASSES[kind]);
        }
        (void)fprintf(page->out, ">");
        oc_verify__page_escape(page->out, page->format, words);
        (void)fprintf(page->out, "</%s>%s", tag, column + 1 == page->column_count ? "</tr>\n" : "");
    }
    (void)fprintf(page->out, "</tbody></table></div>\n");
}

static void end_markdown(struct oc_verify__page *page)
{
    const char *text = page->text;

    for (uint32_t i = 0; i < page->column_count; i++) {
        (void)fprintf(page->out, "| ");
        oc_verify__page_escape(page->out, page->format, page->columns[i].title);
        (void)fprintf(page->out, " ");
    }
    (void)fprintf(page->out, "|\n");
    for (uint32_t i = 0; i < page->column_count; i++) {
        (void)fprintf(page->out, "|%s", page->columns[i].right ? "---:" : "---");
    }
    (void)fprintf(page->out, "|\n");
    for (uint32_t i = 0; i < page->cell_count; i++) {
        enum oc_verify__page_kind kind;
        const char *words = next_cell(&text, &kind);
        (void)fprintf(page->out, "| ");
        oc_verify__page_escape(page->out, page->format, words);
        (void)fprintf(page->out, "%s",
                      i % page->column_count + 1 == page->column_count ? " |\n" : " ");
    }
    (void)fprintf(page->out, "\n");
}

static void end_text(struct oc_verify__page *page)
{
    size_t widths[OC_VERIFY__PAGE_COLUMNS_MAX];
    const char *words[OC_VERIFY__PAGE_COLUMNS_MAX];
    const char *text = page->text;
    enum oc_verify__page_kind kind;

    fit_columns(page, widths);
    for (uint32_t row = 0; row <= page->cell_count / page->column_count; row++) {
        bool more = true;

        for (uint32_t i = 0; i < page->column_count; i++) {
            words[i] = row == 0 ? page->columns[i].title : next_cell(&text, &kind);
        }
        while (more) {
            more = put_line(page, widths, words);
        }
    }
}

/*
 * As wide as their words, and narrower, the widest first, while the line is too long: never less
 * than the longest piece that cannot be broken. Names with slashes are broken only if nothing else
 * helps, because people search for them.
 */
static void fit_columns(struct oc_verify__page *page, size_t widths[OC_VERIFY__PAGE_COLUMNS_MAX])
{
    size_t least[OC_VERIFY__PAGE_COLUMNS_MAX];

    page->breaks_names = false;
    measure_columns(page, widths, least);
    if (!shrink_columns(page, widths, least)) {
        page->breaks_names = true;
        measure_columns(page, widths, least);
        (void)shrink_columns(page, widths, least);
    }
}

static void measure_columns(const struct oc_verify__page *page, size_t *widths, size_t *least)
{
    const char *text = page->text;

    memset(widths, 0, OC_VERIFY__PAGE_COLUMNS_MAX * sizeof(widths[0]));
    memset(least, 0, OC_VERIFY__PAGE_COLUMNS_MAX * sizeof(least[0]));
    for (uint32_t i = 0; i < page->column_count + page->cell_count; i++) {
        const uint32_t column = i % page->column_count;
        enum oc_verify__page_kind kind;
        const char *words = i < page->column_count ? page->columns[column].title
                                                   : next_cell(&text, &kind);
        const size_t size = strlen(words);

        widths[column] = size > widths[column] ? size : widths[column];
        while (*words != '\0') {
            const size_t piece = piece_of(page, words);
            least[column] = piece > least[column] ? piece : least[column];
            words += piece;
            words += strspn(words, " ");
        }
    }
}

/* Returns whether the line fits then. */
static bool shrink_columns(const struct oc_verify__page *page, size_t *widths, const size_t *least)
{
    size_t sum = 0;

    for (uint32_t i = 0; i < page->column_count; i++) {
        sum += page->columns[i].detail ? 0 : widths[i] + 2;
    }
    while (sum > LINE_COLUMNS) {
        uint32_t widest = page->column_count;

        for (uint32_t i = 0; i < page->column_count; i++) {
            if (!page->columns[i].detail && widths[i] > least[i] &&
                (widest == page->column_count || widths[i] > widths[widest])) {
                widest = i;
            }
        }
        if (widest == page->column_count) {
            return false;
        }
        widths[widest]--;
        sum--;
    }
    return true;
}

/* A line of a row: of each cell what fits its column. Moves `words` on; returns if there is more.
 */
static bool put_line(const struct oc_verify__page *page, const size_t *widths, const char **words)
{
    size_t spaces = 0;
    bool more = false;

    for (uint32_t i = 0; i < page->column_count; i++) {
        char part[WORDS_BYTES];
        size_t size = 0;
        size_t next;

        if (page->columns[i].detail) {
            continue;
        }
        while (words[i][size] != '\0') {
            size_t gap = strspn(words[i] + size, " ");
            size_t piece = piece_of(page, words[i] + size + gap);
            if (size > 0 && size + gap + piece > widths[i]) {
                break;
            }
            size += gap + piece;
        }
        (void)snprintf(part, sizeof(part), "%.*s", (int)size, words[i]);
        next = size + strspn(words[i] + size, " ");
        words[i] += next;
        more = more || *words[i] != '\0';
        while (size > 0 && part[size - 1] == ' ') {
            part[--size] = '\0';
        }
        spaces += 2 + (page->columns[i].right && widths[i] > size ? widths[i] - size : 0);
        if (size > 0) {
            put_spaces(page->out, spaces);
            oc_verify__page_escape(page->out, page->format, part);
            spaces = 0;
        }
        spaces += page->columns[i].right || widths[i] < size ? 0 : widths[i] - size;
    }
    (void)fputc('\n', page->out);
    return more;
}

/* Of a text that begins with a word: what stays on one line; what is in brackets does, if short. */
static size_t piece_of(const struct oc_verify__page *page, const char *text)
{
    const size_t group = *text == '(' ? strcspn(text, ")") : 0;
    size_t size = strcspn(text, page->breaks_names ? " /" : " ");

    if (group > 0 && group < GROUP_MAX && text[group] == ')') {
        return group + strcspn(text + group, " ");
    }
    return size + (text[size] == '/');
}

static void put_spaces(FILE *out, size_t count)
{
    (void)fprintf(out, "%*s", (int)count, "");
}

/* The first line begins at `indent` already. Words longer than a line are not broken. */
static void put_wrapped(FILE *out, const char *text, size_t indent, size_t width)
{
    size_t column = indent;
    bool first = true;

    while (*text != '\0') {
        char word[WORDS_BYTES];
        size_t size = strcspn(text, " \n");
        if (size > 0) {
            (void)snprintf(word, sizeof(word), "%.*s", (int)size, text);
            if (!first && column + 1 + size > width) {
                (void)fputc('\n', out);
                put_spaces(out, indent);
                column = indent;
                first = true;
            }
            if (!first) {
                (void)fputc(' ', out);
                column++;
            }
            oc_verify__page_escape(out, OC_VERIFY__PAGE_TEXT, word);
            column += size;
            first = false;
        }
        text += size;
        text += *text != '\0';
    }
    (void)fputc('\n', out);
}

/* One code point of UTF-8; 0x1 and one byte for what is none: that is not printable either. */
static uint32_t decode(const unsigned char *text, uint32_t *size)
{
    static const uint32_t LEAST[] = {0, 0, 0x80, 0x800, 0x10000};
    uint32_t count = text[0] < 0x80             ? 1
                     : (text[0] & 0xe0) == 0xc0 ? 2
                     : (text[0] & 0xf0) == 0xe0 ? 3
                     : (text[0] & 0xf8) == 0xf0 ? 4
                                                : 0;
    uint32_t code = count == 1 ? text[0] : text[0] & (0x7fU >> count);

    *size = 1;
    if (count == 0) {
        return 1;
    }
    for (uint32_t i = 1; i < count; i++) {
        if ((text[i] & 0xc0) != 0x80) {
            return 1;
        }
        code = code << 6 | (text[i] & 0x3fU);
    }
    if (code < LEAST[count] || code > 0x10ffff || (code >= 0xd800 && code < 0xe000)) {
        return 1;
    }
    *size = count;
    return code;
}

static void put_escaped(FILE *out, enum oc_verify__page_format format, const char *at,
                        uint32_t size)
{
    const char *entity = NULL;

    if (format == OC_VERIFY__PAGE_HTML) {
        entity = *at == '&'    ? "&amp;"
                 : *at == '<'  ? "&lt;"
                 : *at == '>'  ? "&gt;"
                 : *at == '"'  ? "&quot;"
                 : *at == '\'' ? "&#39;"
                               : NULL;
    } else if (format == OC_VERIFY__PAGE_MARKDOWN && strchr("\\`*_[]<>|#&~$", *at) != NULL) {
        (void)fputc('\\', out);
    }
    if (entity != NULL) {
        (void)fputs(entity, out);
    } else {
        (void)fwrite(at, 1, size, out);
    }
}
