package offheap.lab;

/**
 * One way to take memory outside the Java heap, or a healthy way not to.
 *
 * <p>A program is a sequence of equal steps; {@link Pace} decides when the next one is due.
 */
interface Program {
    /** Takes (or, in a healthy program, takes and gives back) one portion of memory. */
    void step() throws Exception;

    /** What one step costs the process in resident memory, in KiB, as measured on a HotSpot 17. */
    double stepKibibytes();
}
