// A library that loads but is not a backend of saturnn.
int something_else(void) { return 0; }
