/* Ends a program, or fills its disk, at a chosen file operation. Loaded with LD_PRELOAD; Linux with glibc.
 *
 * Counted, from 1 and over all threads, is each call that changes what lies under JOBMATCH_TEST_FOLDER: writes, syncs,
 * renames, folders made, files made, cut or removed. Then
 *   JOBMATCH_TEST_KILL_AT=N  kills the process with SIGKILL before operation N is done;
 *   JOBMATCH_TEST_FULL_AT=N  lets each write from operation N on fail for want of space;
 *   JOBMATCH_TEST_TEAR=1     lets half of the bytes of that first write arrive before;
 *   JOBMATCH_TEST_COUNT=FILE writes three numbers there at exit: how many operations there were, the last one that was
 *                            a write, and the last one that was a rename.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

static const char *folder;
static unsigned long kill_at, full_at;
static int tear;
static atomic_ulong operations, last_write, last_rename;

static unsigned long number(const char *name) {
    const char *value = getenv(name);
    return value ? strtoul(value, NULL, 10) : 0;
}

__attribute__((constructor)) static void begin(void) {
    folder = getenv("JOBMATCH_TEST_FOLDER");
    kill_at = number("JOBMATCH_TEST_KILL_AT");
    full_at = number("JOBMATCH_TEST_FULL_AT");
    tear = number("JOBMATCH_TEST_TEAR") == 1;
}

__attribute__((destructor)) static void end(void) {
    const char *name = getenv("JOBMATCH_TEST_COUNT");
    FILE *file = name ? fopen(name, "w") : NULL;
    if (file) {
        fprintf(file, "%lu %lu %lu\n", operations, last_write, last_rename);
        fclose(file);
    }
}

/* The function that stands behind ours. */
#define REAL(type, name) \
    static type(*real) ARGUMENTS; \
    if (!real) real = (type(*) ARGUMENTS)dlsym(RTLD_NEXT, name)

static int is_below(const char *path) {
    size_t length = folder ? strlen(folder) : 0;
    return length && strncmp(path, folder, length) == 0 && (path[length] == '/' || path[length] == '\0');
}

/* Where an open file lies; 0 when that is unknown, or it is no file. */
static int path_of(int fd, char *path) {
    char link[64];
    snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
    ssize_t length = readlink(link, path, PATH_MAX - 1);
    path[length > 0 ? length : 0] = '\0';
    return length > 0;
}

static int is_open_below(int fd) {
    char path[PATH_MAX];
    int before = errno;
    int below = fd > 2 && path_of(fd, path) && is_below(path);
    errno = before;
    return below;
}

/* A name is relative to the folder `at`, or to the current one. */
static int is_named_below(int at, const char *name) {
    char base[PATH_MAX], path[2 * PATH_MAX];
    int before = errno;
    int known = 1;
    if (name[0] == '/') {
        snprintf(path, sizeof path, "%s", name);
    } else {
        known = at == AT_FDCWD ? getcwd(base, sizeof base) != NULL : path_of(at, base);
        if (known) snprintf(path, sizeof path, "%s/%s", base, name);
    }
    errno = before;
    return known && is_below(path);
}

static void die(void) {
    kill(getpid(), SIGKILL);
    for (;;) pause();
}

/* Counts an operation; returns its number. */
static unsigned long next(atomic_ulong *last) {
    unsigned long now = atomic_fetch_add(&operations, 1) + 1;
    unsigned long before = last ? atomic_load(last) : now;
    while (before < now && !atomic_compare_exchange_weak(last, &before, now)) {}
    return now;
}

/* Counts an operation that writes nothing. */
static void step(void) {
    if (next(NULL) == kill_at) die();
}

static void rename_step(void) {
    if (next(&last_rename) == kill_at) die();
}

/* Counts a write of `count` bytes; returns how many of them may arrive, or -1 when the disk is full. With `kills` set
 * the process ends after those. */
static ssize_t write_step(size_t count, int *kills) {
    unsigned long now = next(&last_write);
    *kills = now == kill_at;
    if (*kills) {
        if (!tear) die();
        return count / 2;
    }
    if (full_at && now >= full_at) {
        if (tear && now == full_at && count > 1) return count / 2;
        errno = ENOSPC;
        return -1;
    }
    return count;
}

/* A write: all of it, half of it, or none. */
#define WRITE(fd, count, call) \
    if (!is_open_below(fd)) return call; \
    int kills; \
    ssize_t allowed = write_step(count, &kills); \
    if (allowed < 0) return -1; \
    count = allowed; \
    ssize_t written = call; \
    if (kills) die(); \
    return written

#define ARGUMENTS (int, const void *, size_t)
ssize_t write(int fd, const void *bytes, size_t count) {
    REAL(ssize_t, "write");
    WRITE(fd, count, real(fd, bytes, count));
}
#undef ARGUMENTS

#define ARGUMENTS (int, const void *, size_t, off_t)
ssize_t pwrite(int fd, const void *bytes, size_t count, off_t at) {
    REAL(ssize_t, "pwrite");
    WRITE(fd, count, real(fd, bytes, count, at));
}

ssize_t pwrite64(int fd, const void *bytes, size_t count, off_t at) {
    REAL(ssize_t, "pwrite64");
    WRITE(fd, count, real(fd, bytes, count, at));
}
#undef ARGUMENTS

/* Only the first part is written: whoever calls has to go on with the others, as after any short write. */
#define ARGUMENTS (int, const struct iovec *, int)
ssize_t writev(int fd, const struct iovec *parts, int count) {
    REAL(ssize_t, "writev");
    if (!is_open_below(fd)) return real(fd, parts, count);
    for (int part = 0; part < count; part++) {
        if (parts[part].iov_len) return write(fd, parts[part].iov_base, parts[part].iov_len);
    }
    return 0;
}
#undef ARGUMENTS

#define ARGUMENTS (int, off_t *, int, off_t *, size_t, unsigned)
ssize_t copy_file_range(int from, off_t *from_at, int to, off_t *to_at, size_t count, unsigned flags) {
    REAL(ssize_t, "copy_file_range");
    WRITE(to, count, real(from, from_at, to, to_at, count, flags));
}
#undef ARGUMENTS

#define ARGUMENTS (int, int, off_t *, size_t)
ssize_t sendfile(int to, int from, off_t *at, size_t count) {
    REAL(ssize_t, "sendfile");
    WRITE(to, count, real(to, from, at, count));
}

ssize_t sendfile64(int to, int from, off_t *at, size_t count) {
    REAL(ssize_t, "sendfile64");
    WRITE(to, count, real(to, from, at, count));
}
#undef ARGUMENTS

#define ARGUMENTS (int)
int fsync(int fd) {
    REAL(int, "fsync");
    if (is_open_below(fd)) step();
    return real(fd);
}

int fdatasync(int fd) {
    REAL(int, "fdatasync");
    if (is_open_below(fd)) step();
    return real(fd);
}
#undef ARGUMENTS

#define ARGUMENTS (int, off_t)
int ftruncate(int fd, off_t length) {
    REAL(int, "ftruncate");
    if (is_open_below(fd)) step();
    return real(fd, length);
}

int ftruncate64(int fd, off_t length) {
    REAL(int, "ftruncate64");
    if (is_open_below(fd)) step();
    return real(fd, length);
}
#undef ARGUMENTS

#define ARGUMENTS (const char *, const char *)
int rename(const char *from, const char *to) {
    REAL(int, "rename");
    if (is_named_below(AT_FDCWD, to)) rename_step();
    return real(from, to);
}
#undef ARGUMENTS

#define ARGUMENTS (int, const char *, int, const char *)
int renameat(int from_at, const char *from, int to_at, const char *to) {
    REAL(int, "renameat");
    if (is_named_below(to_at, to)) rename_step();
    return real(from_at, from, to_at, to);
}
#undef ARGUMENTS

#define ARGUMENTS (int, const char *, int, const char *, unsigned)
int renameat2(int from_at, const char *from, int to_at, const char *to, unsigned flags) {
    REAL(int, "renameat2");
    if (is_named_below(to_at, to)) rename_step();
    return real(from_at, from, to_at, to, flags);
}
#undef ARGUMENTS

#define ARGUMENTS (const char *, mode_t)
int mkdir(const char *path, mode_t mode) {
    REAL(int, "mkdir");
    if (is_named_below(AT_FDCWD, path)) step();
    return real(path, mode);
}
#undef ARGUMENTS

#define ARGUMENTS (const char *)
int unlink(const char *path) {
    REAL(int, "unlink");
    if (is_named_below(AT_FDCWD, path)) step();
    return real(path);
}

int rmdir(const char *path) {
    REAL(int, "rmdir");
    if (is_named_below(AT_FDCWD, path)) step();
    return real(path);
}
#undef ARGUMENTS

#define ARGUMENTS (int, const char *, int)
int unlinkat(int at, const char *path, int flags) {
    REAL(int, "unlinkat");
    if (is_named_below(at, path)) step();
    return real(at, path, flags);
}
#undef ARGUMENTS

/* The mode stands among the arguments only where a file may be made. */
#define MODE(flags) \
    mode_t mode = 0; \
    if (flags & (O_CREAT | O_TMPFILE)) { \
        va_list list; \
        va_start(list, flags); \
        mode = va_arg(list, mode_t); \
        va_end(list); \
    }

#define ARGUMENTS (const char *, int, ...)
int open(const char *path, int flags, ...) {
    REAL(int, "open");
    MODE(flags);
    if ((flags & O_CREAT) && is_named_below(AT_FDCWD, path)) step();
    return real(path, flags, mode);
}

int open64(const char *path, int flags, ...) {
    REAL(int, "open64");
    MODE(flags);
    if ((flags & O_CREAT) && is_named_below(AT_FDCWD, path)) step();
    return real(path, flags, mode);
}
#undef ARGUMENTS

#define ARGUMENTS (int, const char *, int, ...)
int openat(int at, const char *path, int flags, ...) {
    REAL(int, "openat");
    MODE(flags);
    if ((flags & O_CREAT) && is_named_below(at, path)) step();
    return real(at, path, flags, mode);
}

int openat64(int at, const char *path, int flags, ...) {
    REAL(int, "openat64");
    MODE(flags);
    if ((flags & O_CREAT) && is_named_below(at, path)) step();
    return real(at, path, flags, mode);
}
#undef ARGUMENTS
