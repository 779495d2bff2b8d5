/* Frames written by libpcap into a file.
 *
 * pcap_writer FRAMES OCTETS FILE    prints nanoseconds per frame, opening and closing the file included; a file that is there is
 *                                   written over
 * pcap_writer version
 */
#include <pcap/pcap.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "clock.h"

int main(int count, char **words) {
    if (count == 2 && strcmp(words[1], "version") == 0) {
        puts(pcap_lib_version());
        return 0;
    }
    static unsigned char frame[65536];
    long frames = count == 4 ? atol(words[1]) : 0, octets = count == 4 ? atol(words[2]) : 0;
    if (frames <= 0 || octets <= 0 || octets > (long)sizeof frame) {
        fprintf(stderr, "usage: pcap_writer FRAMES OCTETS FILE\n");
        return 2;
    }
    memset(frame, 0x41, sizeof frame);
    double begin = nanoseconds();
    pcap_t *capture = pcap_open_dead_with_tstamp_precision(252, 262144, PCAP_TSTAMP_PRECISION_NANO);
    FILE *out = fopen(words[3], "r+b");
    out = out ? out : fopen(words[3], "wb");
    pcap_dumper_t *file = capture && out ? pcap_dump_fopen(capture, out) : NULL;
    if (file == NULL) {
        fprintf(stderr, "pcap_writer: %s\n", capture ? pcap_geterr(capture) : "the file cannot be written");
        return 1;
    }
    struct pcap_pkthdr head = {.caplen = octets, .len = octets};
    for (long number = 0; number < frames; number++) {
        /* 5 ms from one to the next. */
        head.ts.tv_sec = number / 200;
        head.ts.tv_usec = number % 200 * 5000000;
        frame[0] = number;
        pcap_dump((unsigned char *)file, &head, frame);
    }
    pcap_dump_close(file);
    pcap_close(capture);
    printf("%.3f\n", (nanoseconds() - begin) / frames);
    return 0;
}
