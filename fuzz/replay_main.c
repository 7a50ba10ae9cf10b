/*
 * replay_main.c - a plain main for the fuzz harnesses.
 *
 * Linked in place of libFuzzer, so that every ordinary build feeds each file of the folders named
 * as arguments once to the harness. What broke once stays in the corpus and is tried again.
 * It does not mutate inputs; that is what `make fuzz` is for.
 *
 * Exit status: 0 all inputs went through, 1 there was none or one could not be read, 2 wrong usage.
 */
#include <dirent.h>
#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Larger files are refused rather than cut: a shortened input is not the one that was found. */
#define INPUT_SIZE_MAX ((size_t)16 * 1024 * 1024)

static int replay_folder(const char *folder, unsigned *input_count);
static int replay_file(const char *path);

int main(int argc, char **argv)
{
    unsigned input_count = 0;

    if (argc < 2) {
        fprintf(stderr, "usage: %s FOLDER...\n", argv[0]);
        return 2;
    }
    for (int i = 1; i < argc; i++) {
        if (replay_folder(argv[i], &input_count) != 0) {
            return 1;
        }
    }
    printf("%u inputs replayed\n", input_count);
    return input_count == 0 ? 1 : 0;
}

static int replay_folder(const char *folder, unsigned *input_count)
{
    struct dirent **entries = NULL;
    int rc = 0;

    /* Sorted, so that two runs do the same and a failure names the same file. */
    int entry_count = scandir(folder, &entries, NULL, alphasort);
    if (entry_count < 0) {
        fprintf(stderr, "%s: %s\n", folder, strerror(errno));
        return -1;
    }
    for (int i = 0; i < entry_count; i++) {
        char path[4096];
        struct stat status;

        int path_size = snprintf(path, sizeof(path), "%s/%s", folder, entries[i]->d_name);
        free(entries[i]);
        if (rc != 0) {
            continue;
        }
        if (path_size < 0 || (size_t)path_size >= sizeof(path)) {
            fprintf(stderr, "%s: a path in it is too long\n", folder);
            rc = -1;
        } else if (stat(path, &status) != 0) {
            fprintf(stderr, "%s: %s\n", path, strerror(errno));
            rc = -1;
        } else if (S_ISREG(status.st_mode)) {
            rc = replay_file(path);
            *input_count += 1;
        }
    }
    free(entries);
    return rc;
}

static int replay_file(const char *path)
{
    int rc = -1;
    uint8_t *data = NULL;
    long size = -1;

    FILE *file = fopen(path, "rb");
    if (file == NULL) {
        fprintf(stderr, "%s: %s\n", path, strerror(errno));
        return -1;
    }
    if (fseek(file, 0, SEEK_END) == 0) {
        size = ftell(file);
    }
    if (size < 0 || (size_t)size > INPUT_SIZE_MAX) {
        fprintf(stderr, "%s: cannot be sized, or exceeds %zu bytes\n", path, INPUT_SIZE_MAX);
        goto done;
    }
    rewind(file);
    /* Exactly as large as the input: the address sanitizer then sees a read beyond its end. */
    data = malloc(size > 0 ? (size_t)size : 1);
    if (data == NULL || fread(data, 1, (size_t)size, file) != (size_t)size) {
        fprintf(stderr, "%s: cannot be read\n", path);
        goto done;
    }
    /* Said before the call: after a crash, the last line names the input. */
    printf("%s: %ld bytes\n", path, size);
    fflush(stdout);
    (void)LLVMFuzzerTestOneInput(data, (size_t)size);
    rc = 0;

done:
    free(data);
    fclose(file);
    return rc;
}
