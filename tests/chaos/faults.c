// SPDX-License-Identifier: MIT
/* What a chaos run does to the clock and the disk of a program: preloaded before the C library.
 *
 * A control file of 64-bit numbers, mapped by the program and written by the run:
 *   0 begin   nanoseconds of the steady clock at which the run began
 *   1 base    nanoseconds since 1970 that a wall clock showed then
 *   2 speed   how many nanoseconds of the run's time pass in 1000 real ones; 0: the real clocks
 *   3 jump    nanoseconds by which this program's wall clock is wrong
 *   4 kept    whether a time service keeps the wall clock
 *   5 full    whether no file below CHAOS_DISK can grow
 *   6 frozen  the nanoseconds of the steady clock at which the run's time stops; 0: never
 *
 * With CHAOS_IMAGE, what a power cut would leave of CHAOS_DISK is kept there: the content of each
 * file by its inode, as of its last fsync, and the names of the folder, as of its own last fsync.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <dirent.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

enum { BEGIN, BASE, SPEED, JUMP, KEPT, FULL, FROZEN };
enum { UNKNOWN, OTHER, FILE_HERE, FOLDER_HERE };
#define MOST_FDS 65536
#define MOST_FILES 256
#define MOST_RANGES 64
#define NS 1000000000LL

static volatile int64_t *control;
static const char *disk, *image;
static unsigned char known[MOST_FDS];
static pthread_mutex_t turn = PTHREAD_MUTEX_INITIALIZER;
static struct dirty {
    ino_t ino;
    int count;
    off_t from[MOST_RANGES], to[MOST_RANGES];
} dirty[MOST_FILES];

#define REAL(name) ((__typeof__(&name))real(#name))

static void *real(const char *name) { return dlsym(RTLD_NEXT, name); }

__attribute__((constructor)) static void begin(void)
{
    const char *path = getenv("CHAOS_CONTROL");
    int fd = path ? REAL(open)(path, O_RDONLY | O_CLOEXEC) : -1;
    if (fd >= 0) {
        void *page = mmap(NULL, 4096, PROT_READ, MAP_SHARED, fd, 0);
        control = page == MAP_FAILED ? NULL : page;
        REAL(close)(fd);
    }
    disk = getenv("CHAOS_DISK");
    image = getenv("CHAOS_IMAGE");
}

/* ------------------------------------------------------------------ clocks */

static int (*steady)(clockid_t, struct timespec *);

static int64_t passed(void)
{
    struct timespec at;
    steady(CLOCK_MONOTONIC, &at);
    int64_t real_ns = at.tv_sec * NS + at.tv_nsec;
    if (control[FROZEN] && real_ns > control[FROZEN])
        real_ns = control[FROZEN];
    real_ns -= control[BEGIN];
    return real_ns / 1000 * control[SPEED] + real_ns % 1000 * control[SPEED] / 1000;
}

int clock_gettime(clockid_t clock, struct timespec *at)
{
    if (!steady)
        steady = REAL(clock_gettime);
    int wall = clock == CLOCK_REALTIME || clock == CLOCK_REALTIME_COARSE;
    if (!control || !control[SPEED] || (!wall && clock != CLOCK_BOOTTIME))
        return steady(clock, at);
    int64_t now = passed() + (wall ? control[BASE] + control[JUMP] : NS);
    at->tv_sec = now / NS;
    at->tv_nsec = now % NS;
    return 0;
}

int gettimeofday(struct timeval *restrict at, void *restrict zone)
{
    struct timespec now;
    (void)zone;
    clock_gettime(CLOCK_REALTIME, &now);
    at->tv_sec = now.tv_sec;
    at->tv_usec = now.tv_nsec / 1000;
    return 0;
}

time_t time(time_t *at)
{
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    if (at)
        *at = now.tv_sec;
    return now.tv_sec;
}

int adjtimex(void *values)
{
    if (!control || !control[SPEED])
        return ((int (*)(void *))real("adjtimex"))(values);
    return control[KEPT] ? 0 : 5;
}

/* -------------------------------------------------------------------- disk */

static int place(int fd)
{
    char link[32], path[PATH_MAX];
    struct stat found;
    if (!disk || fd < 0 || fd >= MOST_FDS)
        return OTHER;
    if (known[fd] != UNKNOWN)
        return known[fd];
    snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
    ssize_t length = readlink(link, path, sizeof path - 1);
    size_t wanted = strlen(disk);
    int here = length >= (ssize_t)wanted && !strncmp(path, disk, wanted)
        && (path[wanted] == '/' || length == (ssize_t)wanted) && !fstat(fd, &found);
    known[fd] = !here ? OTHER
        : S_ISDIR(found.st_mode) ? FOLDER_HERE
        : S_ISREG(found.st_mode) ? FILE_HERE
                                 : OTHER;
    return known[fd];
}

static struct dirty *dirty_of(ino_t ino)
{
    struct dirty *free = NULL;
    for (int at = 0; at < MOST_FILES; at++) {
        if (dirty[at].ino == ino)
            return &dirty[at];
        if (!free && !dirty[at].ino)
            free = &dirty[at];
    }
    if (!free)
        abort();
    free->ino = ino;
    free->count = 0;
    return free;
}

static void note(int fd, off_t from, off_t to)
{
    struct stat found;
    if (!image || place(fd) != FILE_HERE || fstat(fd, &found))
        return;
    pthread_mutex_lock(&turn);
    struct dirty *of = dirty_of(found.st_ino);
    int last = of->count - 1;
    if (last >= 0 && (of->count == MOST_RANGES || (from <= of->to[last] && to >= of->from[last]))) {
        of->from[last] = from < of->from[last] ? from : of->from[last];
        of->to[last] = to > of->to[last] ? to : of->to[last];
    } else {
        of->from[of->count] = from;
        of->to[of->count++] = to;
    }
    pthread_mutex_unlock(&turn);
}

static void path_in_image(char *path, const char *name)
{
    snprintf(path, PATH_MAX, "%s/%s", image, name);
}

static int keep_file(int fd)
{
    char name[32], path[PATH_MAX], page[65536];
    struct stat found;
    if (fstat(fd, &found))
        return -1;
    snprintf(name, sizeof name, "%llu", (unsigned long long)found.st_ino);
    path_in_image(path, name);
    int to = REAL(open)(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
    snprintf(path, sizeof path, "/proc/self/fd/%d", fd); /* it may be open for writing alone */
    int of_it = REAL(open)(path, O_RDONLY | O_CLOEXEC);
    if (to < 0 || of_it < 0)
        return -1;
    pthread_mutex_lock(&turn);
    struct dirty *of = dirty_of(found.st_ino);
    for (int at = 0; at < of->count; at++)
        for (off_t from = of->from[at]; from < of->to[at];) {
            size_t left = of->to[at] - from;
            ssize_t got = pread(of_it, page, left < sizeof page ? left : sizeof page, from);
            if (got <= 0 || REAL(pwrite)(to, page, got, from) != got)
                break;
            from += got;
        }
    of->count = 0;
    of->ino = 0;
    pthread_mutex_unlock(&turn);
    int failed = REAL(ftruncate)(to, found.st_size);
    REAL(close)(to);
    REAL(close)(of_it);
    return failed;
}

static int keep_names(void)
{
    char path[PATH_MAX], fresh[PATH_MAX];
    DIR *folder = opendir(disk);
    path_in_image(path, "names");
    path_in_image(fresh, "names.new");
    FILE *list = fopen(fresh, "w");
    struct dirent *each;
    if (!folder || !list)
        return -1;
    while ((each = readdir(folder)))
        if (each->d_type == DT_REG)
            fprintf(list, "%llu %s\n", (unsigned long long)each->d_ino, each->d_name);
    closedir(folder);
    fclose(list);
    return rename(fresh, path);
}

static int keep(int fd)
{
    int what = image ? place(fd) : OTHER;
    return what == FILE_HERE ? keep_file(fd) : what == FOLDER_HERE ? keep_names() : 0;
}

static int grows(int fd, off_t to)
{
    struct stat found;
    if (!control || !control[FULL] || place(fd) != FILE_HERE || fstat(fd, &found))
        return 0;
    errno = ENOSPC;
    return to > found.st_size;
}

static void opened(int fd, int flags)
{
    struct stat found;
    char name[32], path[PATH_MAX];
    if (fd < 0 || fd >= MOST_FDS)
        return;
    known[fd] = UNKNOWN;
    if (!image || !(flags & O_CREAT) || place(fd) != FILE_HERE)
        return;
    if (fstat(fd, &found) || found.st_size)
        return;
    snprintf(name, sizeof name, "%llu", (unsigned long long)found.st_ino);
    path_in_image(path, name);
    unlink(path); /* the number of a file that is gone */
}

#define OPEN(name, ...)                                                                           \
    {                                                                                             \
        mode_t mode = 0;                                                                          \
        if (flags & (O_CREAT | O_TMPFILE)) {                                                      \
            va_list more;                                                                         \
            va_start(more, flags);                                                                \
            mode = va_arg(more, mode_t);                                                          \
            va_end(more);                                                                         \
        }                                                                                         \
        int fd = REAL(name)(__VA_ARGS__, flags, mode);                                            \
        opened(fd, flags);                                                                        \
        return fd;                                                                                \
    }

int open(const char *path, int flags, ...) OPEN(open, path)
int open64(const char *path, int flags, ...) OPEN(open64, path)
int openat(int folder, const char *path, int flags, ...) OPEN(openat, folder, path)
int openat64(int folder, const char *path, int flags, ...) OPEN(openat64, folder, path)

int close(int fd)
{
    if (fd >= 0 && fd < MOST_FDS)
        known[fd] = UNKNOWN;
    return REAL(close)(fd);
}

#define WRITE(name, at, size, ...)                                                          \
    {                                                                                             \
        off_t from = at;                                                                          \
        if (place(fd) != FILE_HERE)                                                               \
            return REAL(name)(fd, __VA_ARGS__);                                                   \
        if (grows(fd, from + (off_t)(size)))                                                      \
            return -1;                                                                            \
        ssize_t done = REAL(name)(fd, __VA_ARGS__);                                               \
        if (done > 0)                                                                             \
            note(fd, from, from + done);                                                          \
        return done;                                                                              \
    }

static off_t here(int fd)
{
    struct stat found;
    if (place(fd) != FILE_HERE)
        return 0;
    if (fcntl(fd, F_GETFL) & O_APPEND)
        return fstat(fd, &found) ? 0 : found.st_size;
    return lseek(fd, 0, SEEK_CUR);
}

static size_t length(const struct iovec *parts, int count)
{
    size_t sum = 0;
    for (int at = 0; at < count; at++)
        sum += parts[at].iov_len;
    return sum;
}

ssize_t write(int fd, const void *data, size_t size) WRITE(write, here(fd), size, data, size)
ssize_t pwrite(int fd, const void *data, size_t size, off_t at)
    WRITE(pwrite, at, size, data, size, at)
ssize_t pwrite64(int fd, const void *data, size_t size, off64_t at)
    WRITE(pwrite64, at, size, data, size, at)
ssize_t pwritev(int fd, const struct iovec *parts, int count, off_t at)
    WRITE(pwritev, at, length(parts, count), parts, count, at)
ssize_t pwritev64(int fd, const struct iovec *parts, int count, off64_t at)
    WRITE(pwritev64, at, length(parts, count), parts, count, at)

int posix_fallocate(int fd, off_t at, off_t size)
{
    return grows(fd, at + size) ? ENOSPC : REAL(posix_fallocate)(fd, at, size);
}

int posix_fallocate64(int fd, off64_t at, off64_t size) { return posix_fallocate(fd, at, size); }

int fsync(int fd) { return image && place(fd) != OTHER ? keep(fd) : REAL(fsync)(fd); }

int fdatasync(int fd) { return image && place(fd) != OTHER ? keep(fd) : REAL(fdatasync)(fd); }
