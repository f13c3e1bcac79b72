/* The floor: an HTTP server that does the least with a body. Modes: discard, write, sync.
 *
 * One blocking thread a connection. `write` puts each body into a file of its own in the folder given,
 * `sync` also calls fdatasync before it answers. Prints its port, then serves until it is killed.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/tcp.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { HEAD = 16384, BUFFER = 256 << 10 };
static const char OK[] = "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n";

static const char *folder;
static bool keep, synced;
static atomic_long made;

static bool put(int file, const char *bytes, size_t count) {
    while (count) {
        ssize_t written = write(file, bytes, count);
        if (written <= 0) return false;
        bytes += written, count -= (size_t)written;
    }
    return true;
}

static int open_file(void) {
    char path[4096];
    snprintf(path, sizeof path, "%s/%ld", folder, atomic_fetch_add(&made, 1));
    return open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
}

/* Take a body of `left` bytes, of which `here` lie in the buffer already. */
static bool take(int peer, char *buffer, size_t here, uint64_t left) {
    int file = keep ? open_file() : -1;
    if (keep && file < 0) return false;
    for (size_t count = here;; count = 0) {
        while (count < BUFFER && count < left) {
            ssize_t got = recv(peer, buffer + count, (left < BUFFER ? left : BUFFER) - count, 0);
            if (got <= 0) return false;
            count += (size_t)got;
            if (!keep) break;
        }
        if (keep && !put(file, buffer, count)) return false;
        left -= count;
        if (!left) break;
    }
    if (synced && fdatasync(file)) return false;
    if (keep) close(file);
    return true;
}

static void *serve(void *argument) {
    int peer = (int)(intptr_t)argument;
    char *buffer = aligned_alloc(4096, BUFFER + 1);
    size_t filled = 0;
    for (;;) {
        char *end = NULL;
        while (!end) {
            ssize_t got = recv(peer, buffer + filled, HEAD - filled, 0);
            if (got <= 0) goto gone;
            filled += (size_t)got;
            buffer[filled] = 0;
            end = strstr(buffer, "\r\n\r\n");
            if (!end && filled == HEAD) goto gone;
        }
        char *length = strcasestr(buffer, "\r\ncontent-length:");
        uint64_t left = length ? strtoull(length + 17, NULL, 10) : 0;
        size_t here = filled - (size_t)(end + 4 - buffer);
        memmove(buffer, end + 4, here);
        if (left && !take(peer, buffer, here, left)) goto gone;
        if (!put(peer, OK, sizeof OK - 1)) goto gone;
        filled = 0;
    }
gone:
    free(buffer);
    close(peer);
    return NULL;
}

int main(int count, char **words) {
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t size = sizeof address;
    int port = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), one = 1;
    if (count < 2 || (strcmp(words[1], "discard") && count < 3)) {
        fputs("usage: sink discard | sink write FOLDER | sink sync FOLDER\n", stderr);
        return 2;
    }
    folder = words[2];
    keep = strcmp(words[1], "discard") != 0;
    synced = !strcmp(words[1], "sync");
    signal(SIGPIPE, SIG_IGN);
    if (bind(port, (struct sockaddr *)&address, size) || listen(port, 128)) return perror("sink"), 1;
    getsockname(port, (struct sockaddr *)&address, &size);
    printf("%d\n", ntohs(address.sin_port));
    fflush(stdout);
    for (;;) {
        pthread_t thread;
        int peer = accept4(port, NULL, NULL, SOCK_CLOEXEC);
        if (peer < 0) continue;
        setsockopt(peer, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
        if (pthread_create(&thread, NULL, serve, (void *)(intptr_t)peer)) return perror("sink"), 1;
        pthread_detach(thread);
    }
}
