/* The load: N blocking connections send or fetch as fast as they can; one line of JSON says how it went.
 *
 * A body lies in memory once and is sent by all connections; what is fetched is read into a small buffer
 * that stays in the cache. So the generator costs as little as a client can that really gets its bytes.
 * Times are of the monotonic clock, in seconds; sizes in bytes.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <getopt.h>
#include <netinet/tcp.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

enum { HEAD = 16384, SINK = 256 << 10, BLOCK = 1 << 20, STATUSES = 600, MOST_SAMPLES = 1 << 20 };
static const char CREATE[] = "{\"filename\":\"a\",\"purpose\":\"user_data\",\"bytes\":3,\"mime_type\":\"x/y\"}";
static const char BOUNDARY[] = "----heavylift-bench-7MA4YWxkTrZu0gW";

static struct {
    const char *method, *path, *fill, *type, *field, *purpose;
    char headers[4096];
    int port, connections;
    long requests;                       /* 0: until the time is up */
    double seconds, pause;               /* 0: until the requests are sent; between two requests */
    size_t size;                         /* of a body; 0: none is sent */
    uint64_t range, range_of;            /* fetch so many bytes at a random place of so many */
    bool multipart, numbered;
} options = {.method = "POST", .path = "/", .fill = "random", .type = "application/octet-stream",
             .field = "data", .connections = 1};

static char *body, prefix[512], suffix[128];
static size_t prefix_size, suffix_size;
static atomic_long started, sampled;
static atomic_ullong bytes_moved;
static atomic_long statuses[STATUSES];
static float *samples;                   /* milliseconds */
static pthread_barrier_t line;

static double now(void) {
    struct timespec moment;
    clock_gettime(CLOCK_MONOTONIC, &moment);
    return (double)moment.tv_sec + (double)moment.tv_nsec * 1e-9;
}

static void fail(const char *what) {
    fprintf(stderr, "generator: %s: %s\n", what, errno ? strerror(errno) : "unexpected");
    exit(1);
}

static uint64_t dice(uint64_t *state) {  /* xorshift64 */
    *state ^= *state << 13;
    *state ^= *state >> 7;
    *state ^= *state << 17;
    return *state;
}

static void make_body(void) {
    char near[128];
    int length = snprintf(near, sizeof near, "\r\n--%.*s", (int)sizeof BOUNDARY - 2, BOUNDARY);
    uint64_t state = 88172645463325252ULL;
    body = aligned_alloc(4096, (options.size + 4095) / 4096 * 4096 + 4096);
    if (!body) fail("memory");
    size_t block = options.size < BLOCK ? options.size : BLOCK;
    for (size_t at = 0; at < block; at++) {
        if (!strcmp(options.fill, "zero")) body[at] = 0;
        else if (!strcmp(options.fill, "crlf")) body[at] = "\r\n"[at & 1];
        else if (!strcmp(options.fill, "create")) body[at] = at < sizeof CREATE - 1 ? CREATE[at] : ' ';
        else if (!strcmp(options.fill, "near")) body[at] = near[at % (size_t)length];
        else body[at] = (char)dice(&state);
    }
    for (size_t at = block; at < options.size; at += block)
        memcpy(body + at, body, options.size - at < block ? options.size - at : block);
}

static void make_envelope(void) {
    if (!options.multipart) return;
    if (options.purpose)
        prefix_size = (size_t)snprintf(prefix, sizeof prefix,
            "--%s\r\nContent-Disposition: form-data; name=\"purpose\"\r\n\r\n%s\r\n", BOUNDARY, options.purpose);
    prefix_size += (size_t)snprintf(prefix + prefix_size, sizeof prefix - prefix_size,
        "--%s\r\nContent-Disposition: form-data; name=\"%s\"; filename=\"part\"\r\n"
        "Content-Type: application/octet-stream\r\n\r\n", BOUNDARY, options.field);
    suffix_size = (size_t)snprintf(suffix, sizeof suffix, "\r\n--%s--\r\n", BOUNDARY);
}

static int dial(void) {
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons((uint16_t)options.port),
                                  .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    int peer = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), one = 1;
    struct timeval patience = {.tv_sec = 60};
    if (peer < 0 || connect(peer, (struct sockaddr *)&address, sizeof address)) fail("connect");
    setsockopt(peer, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
    setsockopt(peer, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
    setsockopt(peer, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof patience);
    return peer;
}

static int write_head(char *head, long number, uint64_t *state) {
    char where[1024], range[128] = "", content[256] = "";
    if (options.numbered) snprintf(where, sizeof where, "%s%ld", options.path, number);
    else snprintf(where, sizeof where, "%s", options.path);
    if (options.range) {
        uint64_t first = dice(state) % (options.range_of - options.range + 1);
        snprintf(range, sizeof range, "Range: bytes=%llu-%llu\r\n", (unsigned long long)first,
                 (unsigned long long)(first + options.range - 1));
    }
    if (options.size)
        snprintf(content, sizeof content, "Content-Type: %s%s\r\nContent-Length: %zu\r\n",
                 options.multipart ? "multipart/form-data; boundary=" : options.type,
                 options.multipart ? BOUNDARY : "", prefix_size + options.size + suffix_size);
    return snprintf(head, HEAD, "%s %s HTTP/1.1\r\nHost: 127.0.0.1:%d\r\n%s%s%s\r\n", options.method, where,
                    options.port, content, range, options.headers);
}

static void send_all(int peer, struct iovec *pieces, int count) {
    while (count) {
        ssize_t sent = writev(peer, pieces, count);
        if (sent < 0) return;            /* refused early: the answer says why */
        while (count && (size_t)sent >= pieces->iov_len) {
            sent -= (ssize_t)pieces->iov_len;
            pieces++, count--;
        }
        if (count) {
            pieces->iov_base = (char *)pieces->iov_base + sent;
            pieces->iov_len -= (size_t)sent;
        }
    }
}

/* Read an answer to its end. Returns its status, or 0 if the connection broke; `alive` says if it stays open. */
static int read_answer(int peer, char *buffer, char *discard, uint64_t *got, bool *alive) {
    size_t filled = 0;
    char *end = NULL;
    while (!end) {
        ssize_t count = recv(peer, buffer + filled, HEAD - 1 - filled, 0);
        if (count <= 0) return 0;
        filled += (size_t)count;
        buffer[filled] = 0;
        end = strstr(buffer, "\r\n\r\n");
        if (!end && filled == HEAD - 1) return 0;
    }
    int status = atoi(buffer + 9);
    size_t here = filled - (size_t)(end + 4 - buffer);
    *end = 0;
    char *length = strcasestr(buffer, "\r\ncontent-length:");
    *alive = !strcasestr(buffer, "\r\nconnection: close");
    if (strcasestr(buffer, "\r\ntransfer-encoding: chunked")) {   /* small answers only */
        *end = '\r';
        while (!strstr(end, "\r\n0\r\n") && filled < HEAD - 1) {
            ssize_t count = recv(peer, buffer + filled, HEAD - 1 - filled, 0);
            if (count <= 0) return 0;
            filled += (size_t)count;
            buffer[filled] = 0;
        }
        return status;
    }
    uint64_t left = length ? strtoull(length + 17, NULL, 10) : 0;
    *got += left;
    left -= here;
    while (left) {
        ssize_t count = recv(peer, discard, left < SINK ? left : SINK, 0);
        if (count <= 0) return 0;
        left -= (uint64_t)count;
    }
    return status;
}

static void pause_a_while(void) {
    struct timespec rest = {.tv_sec = (time_t)options.pause,
                            .tv_nsec = (long)((options.pause - (double)(time_t)options.pause) * 1e9)};
    if (options.pause > 0) nanosleep(&rest, NULL);
}

static void *connection(void *argument) {
    uint64_t state = 1234567 + 7919 * (uint64_t)(uintptr_t)argument, got = 0;
    char *head = malloc(HEAD), *answer = malloc(HEAD), *discard = malloc(SINK);
    bool alive = true;
    int peer = dial();
    pthread_barrier_wait(&line);
    double deadline = now() + options.seconds;
    while (!options.seconds || now() < deadline) {
        long number = atomic_fetch_add(&started, 1);
        if (options.requests && number >= options.requests) break;
        double began = now();
        struct iovec pieces[] = {{head, (size_t)write_head(head, number, &state)}, {prefix, prefix_size},
                                 {body, options.size}, {suffix, suffix_size}};
        send_all(peer, pieces, options.size ? 4 : 1);
        int status = read_answer(peer, answer, discard, &got, &alive);
        atomic_fetch_add(&statuses[status < STATUSES ? status : 0], 1);
        long at = atomic_fetch_add(&sampled, 1);
        if (at < MOST_SAMPLES) samples[at] = (float)((now() - began) * 1000);
        if (status / 100 == 2) atomic_fetch_add(&bytes_moved, options.size);
        if (!status || !alive) {
            close(peer);
            peer = dial();
        }
        pause_a_while();
    }
    atomic_fetch_add(&bytes_moved, got * !options.size);
    close(peer);
    free(head), free(answer), free(discard);
    return NULL;
}

static int by_size(const void *one, const void *other) {
    float first = *(const float *)one, second = *(const float *)other;
    return (first > second) - (first < second);
}

static double quantile(long count, double share) {
    return count ? (double)samples[(long)((double)(count - 1) * share + 0.5)] : 0;
}

static void report(double elapsed) {
    struct rusage own;
    long count = atomic_load(&sampled);
    getrusage(RUSAGE_SELF, &own);
    if (count > MOST_SAMPLES) count = MOST_SAMPLES;
    qsort(samples, (size_t)count, sizeof *samples, by_size);
    printf("{\"seconds\": %.6f, \"bytes\": %llu, \"requests\": %ld, \"p50_ms\": %.3f, \"p99_ms\": %.3f, "
           "\"max_ms\": %.3f, \"cpu_seconds\": %.4f, \"statuses\": {", elapsed,
           (unsigned long long)atomic_load(&bytes_moved), count, quantile(count, .5), quantile(count, .99),
           quantile(count, 1), (double)(own.ru_utime.tv_sec + own.ru_stime.tv_sec) +
           (double)(own.ru_utime.tv_usec + own.ru_stime.tv_usec) * 1e-6);
    const char *comma = "";
    for (int status = 0; status < STATUSES; status++)
        if (statuses[status]) printf("%s\"%d\": %ld", comma, status, (long)statuses[status]), comma = ", ";
    printf("}}\n");
}

static void parse(int count, char **words) {
    static const struct option known[] = {
        {"port", 1, 0, 'p'}, {"method", 1, 0, 'm'}, {"path", 1, 0, 'u'}, {"header", 1, 0, 'h'},
        {"connections", 1, 0, 'c'}, {"requests", 1, 0, 'n'}, {"seconds", 1, 0, 's'}, {"size", 1, 0, 'b'},
        {"fill", 1, 0, 'f'}, {"type", 1, 0, 't'}, {"pause", 1, 0, 'w'}, {"range", 1, 0, 'r'},
        {"range-of", 1, 0, 'R'}, {"field", 1, 0, 'F'}, {"purpose", 1, 0, 'P'}, {"multipart", 0, 0, 'M'}, {"numbered", 0, 0, 'N'}, {0}};
    for (int option; (option = getopt_long(count, words, "", known, NULL)) != -1;)
        switch (option) {
        case 'p': options.port = atoi(optarg); break;
        case 'm': options.method = optarg; break;
        case 'u': options.path = optarg; break;
        case 'c': options.connections = atoi(optarg); break;
        case 'n': options.requests = atol(optarg); break;
        case 's': options.seconds = atof(optarg); break;
        case 'b': options.size = strtoull(optarg, NULL, 10); break;
        case 'f': options.fill = optarg; break;
        case 't': options.type = optarg; break;
        case 'w': options.pause = atof(optarg); break;
        case 'r': options.range = strtoull(optarg, NULL, 10); break;
        case 'R': options.range_of = strtoull(optarg, NULL, 10); break;
        case 'F': options.field = optarg; break;
        case 'P': options.purpose = optarg; break;
        case 'M': options.multipart = true; break;
        case 'N': options.numbered = true; break;
        case 'h':
            if (strlen(options.headers) + strlen(optarg) + 3 > sizeof options.headers) fail("headers");
            strcat(strcat(options.headers, optarg), "\r\n");
            break;
        default: exit(2);
        }
    if (!options.port || (!options.requests && !options.seconds) || options.range > options.range_of) {
        fputs("usage: generator --port P (--requests N | --seconds S) [--method M] [--path U] ...\n", stderr);
        exit(2);
    }
}

int main(int count, char **words) {
    signal(SIGPIPE, SIG_IGN);
    parse(count, words);
    make_body();
    make_envelope();
    samples = calloc(MOST_SAMPLES, sizeof *samples);
    pthread_t *threads = calloc((size_t)options.connections, sizeof *threads);
    pthread_barrier_init(&line, NULL, (unsigned)options.connections + 1);
    for (intptr_t number = 0; number < options.connections; number++)
        if (pthread_create(&threads[number], NULL, connection, (void *)(number + 1))) fail("thread");
    pthread_barrier_wait(&line);         /* all are connected */
    double began = now();
    for (int number = 0; number < options.connections; number++) pthread_join(threads[number], NULL);
    report(now() - began);
    return 0;
}
