/* AES-128-CCM of OpenSSL, PDU by PDU: nonce of 13 octets, tag of 8, no associated data, as 802.16 has it.
 *
 * openssl_ccm seal|open OCTETS MILLISECONDS    prints nanoseconds per PDU
 * openssl_ccm version
 *
 * The key is set once and kept, each PDU has a nonce of its own, and PDUS buffers are taken in turn. All is done in place.
 */
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "clock.h"

enum { PDUS = 64, TAG = 8, NONCE = 13, LONGEST = 4080 };

static unsigned char text[PDUS][LONGEST];
static unsigned char sealed[PDUS][LONGEST];
static unsigned char tags[PDUS][TAG];

static void must(int good, const char *what) {
    if (!good) {
        fprintf(stderr, "openssl_ccm: %s failed\n", what);
        exit(1);
    }
}

static void nonce_of(unsigned char nonce[NONCE], unsigned number) {
    memset(nonce, 0x2a, NONCE);
    memcpy(nonce + 9, &number, 4);
}

static void seal(EVP_CIPHER_CTX *cipher, unsigned number, int octets) {
    unsigned char nonce[NONCE];
    unsigned char *place = text[number % PDUS];
    int length = 0;
    nonce_of(nonce, number);
    must(EVP_EncryptInit_ex(cipher, NULL, NULL, NULL, nonce) == 1, "the nonce");
    must(EVP_EncryptUpdate(cipher, place, &length, place, octets) == 1 && length == octets, "sealing");
    must(EVP_EncryptFinal_ex(cipher, place, &length) == 1, "the end");
    must(EVP_CIPHER_CTX_ctrl(cipher, EVP_CTRL_AEAD_GET_TAG, TAG, tags[number % PDUS]) == 1, "the tag");
}

/* Opens what was sealed under the nonce of its place, so that it verifies every time; the plaintext goes to a place of its own. */
static void open_one(EVP_CIPHER_CTX *cipher, unsigned number, int octets) {
    unsigned char nonce[NONCE];
    unsigned place = number % PDUS;
    int length = 0;
    nonce_of(nonce, place);
    must(EVP_CIPHER_CTX_ctrl(cipher, EVP_CTRL_AEAD_SET_TAG, TAG, tags[place]) == 1, "the tag");
    must(EVP_DecryptInit_ex(cipher, NULL, NULL, NULL, nonce) == 1, "the nonce");
    must(EVP_DecryptUpdate(cipher, text[place], &length, sealed[place], octets) == 1, "opening");
}

int main(int count, char **words) {
    static const unsigned char key[16] = "keyhop benchmark";
    if (count == 2 && strcmp(words[1], "version") == 0) {
        puts(OpenSSL_version(OPENSSL_VERSION));
        return 0;
    }
    must(count == 4, "reading the arguments: seal|open OCTETS MILLISECONDS");
    int opening = strcmp(words[1], "open") == 0, octets = atoi(words[2]);
    double limit = atof(words[3]) * 1e6;
    must(octets > 0 && octets <= LONGEST, "reading the octets");

    EVP_CIPHER_CTX *cipher = EVP_CIPHER_CTX_new();
    must(cipher != NULL, "making a context");
    for (int pass = 0; pass <= opening; pass++) {
        int (*init)(EVP_CIPHER_CTX *, const EVP_CIPHER *, ENGINE *, const unsigned char *, const unsigned char *) =
            pass ? EVP_DecryptInit_ex : EVP_EncryptInit_ex;
        must(init(cipher, EVP_aes_128_ccm(), NULL, NULL, NULL) == 1, "choosing the cipher");
        must(EVP_CIPHER_CTX_ctrl(cipher, EVP_CTRL_AEAD_SET_IVLEN, NONCE, NULL) == 1, "the length of the nonce");
        must(EVP_CIPHER_CTX_ctrl(cipher, EVP_CTRL_AEAD_SET_TAG, TAG, NULL) == 1, "the length of the tag");
        must(init(cipher, NULL, NULL, key, NULL) == 1, "the key");
        if (pass == 0) {
            for (unsigned number = 0; number < PDUS; number++) {
                memset(text[number], number, octets);
                seal(cipher, number, octets);
                memcpy(sealed[number], text[number], octets);
            }
        }
    }

    /* A quarter of the time warms up. */
    double begin = nanoseconds(), warm = begin + limit / 4, end = warm + limit;
    double counted_from = 0;
    unsigned number = 0, counted = 0;
    for (;;) {
        for (unsigned some = 0; some < 4 * PDUS; some++, number++) {
            opening ? open_one(cipher, number, octets) : seal(cipher, number, octets);
        }
        double now = nanoseconds();
        if (counted_from == 0 && now >= warm) {
            counted_from = now;
            counted = number;
        } else if (counted_from > 0 && now >= end) {
            printf("%.3f\n", (now - counted_from) / (number - counted));
            break;
        }
    }
    EVP_CIPHER_CTX_free(cipher);
    return 0;
}
