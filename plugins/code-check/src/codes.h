/* EAN-13 and Code 128 from bars. Pure C, without the SDK. */
#ifndef CODE_CHECK_CODES_H
#define CODE_CHECK_CODES_H

#include "bars.h"

/* Longest text of a code. */
#define MAX_TEXT 96

typedef enum symbology { EAN_13, CODE_128 } symbology;

typedef struct code {
    symbology kind;
    char text[MAX_TEXT + 1];
    /* False where bars were read, but the check digit is not the one that the text has. */
    bool checks;
    /* Where it lies on the line, pixels. */
    float start;
    float end;
} code;

/* The first code of that kind on the line, in its reading direction; one whose check digit fits before one whose does
 * not. False where there is none. */
bool read_ean13(const bars *line, code *found);
bool read_code128(const bars *line, code *found);

const char *symbology_name(symbology kind);

#endif
