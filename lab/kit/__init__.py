"""The driver test kit: a card with seams, what watches them, what breaks them, and checks that any driver can be put through.

Nothing in the card knows of it.  `seams` puts middleware between the driver's registers, the card's transfers and its
interrupt pin; the recorder, the protocol checker and the sanitizer listen there, the faults act there.
"""
