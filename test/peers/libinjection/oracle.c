/* What libinjection, as Debian's libmodsecurity3 exports it, says of each value: test oracle only, never shipped.
   In: 4 bytes of length (little endian) and the bytes, again and again. Out: a line "<sqli> <xss>" for each. */
#include <stdio.h>
#include <stdlib.h>

int libinjection_sqli(const char *s, size_t slen, char fingerprint[]);
int libinjection_xss(const char *s, size_t slen);

int main(void) {
  unsigned char head[4];
  while (fread(head, 1, 4, stdin) == 4) {
    size_t size = head[0] | head[1] << 8 | head[2] << 16 | (size_t)head[3] << 24;
    char *value = calloc(size + 1, 1);
    if (value == NULL || fread(value, 1, size, stdin) != size) return 1;
    char fingerprint[16] = {0};
    int sqli = libinjection_sqli(value, size, fingerprint);
    printf("%d %d\n", sqli, libinjection_xss(value, size));
    free(value);
  }
  return 0;
}
