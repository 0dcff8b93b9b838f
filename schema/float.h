/*
 * Floats as Go prints them: by the shortest decimal digits that read back
 * as the same number (strconv.FormatFloat with precision -1).
 */
#ifndef SCHEMA_FLOAT_H
#define SCHEMA_FLOAT_H

#include <stdbool.h>

#define FLOAT_DIGITS 18

/*
 * Digits of v, which is finite and above 0, without a NUL; returns how many,
 * at most 17. *ret_exponent is the power of ten of the first one. With
 * single, v is read back as a float32, which it must be in range of.
 */
int float_digits(double v, bool single, char ret_digits[FLOAT_DIGITS],
		 int *ret_exponent);

#endif
